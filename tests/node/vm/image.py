"""The disk, the kernel and the initramfs of a Debian 12 that qemu can boot.

The root is the node tests' own tree (debootstrap) with what a machine needs besides: udev, a kernel, what the package
depends on, and the guest's end of the test (guest_agent.py). It is made once and kept as a cache; each machine gets a
copy of the disk. The package itself is not in it: to install it is part of the test.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import stat
import subprocess
import sys
import tempfile

import node as nodes
from node import run

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
KERNEL = "linux-image-cloud-amd64"
PACKAGES = ["udev", "busybox-static", "nftables", "conntrack"]
# What the initramfs loads to find its disk; the port the test talks over; entropy.
BOOT_MODULES = ["virtio_pci", "virtio_blk", "ext4", "virtio_console", "virtio_rng"]
DISK_SIZE = "3G"

INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod $module; done
until [ -b /dev/vda ]; do /bin/busybox usleep 50000; done
/bin/busybox mount -t ext4 -o rw /dev/vda /root
/bin/busybox umount /dev /proc
exec /bin/busybox switch_root /root /lib/systemd/systemd
"""
AGENT_UNIT = """[Unit]
Description=The test's hand in the guest
DefaultDependencies=no
After=systemd-udev-trigger.service
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/guest_agent.py
Restart=always
OOMScoreAdjust=-1000
[Install]
WantedBy=multi-user.target
"""
# No part of the test, and a minute under emulation.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
          "fstrim.timer", "getty.target", "serial-getty@ttyS0.service", "ssh.service", "systemd-networkd.service",
          "systemd-timesyncd.service", "systemd-update-utmp.service", "networking.service"]


def why_not():
    """Why no machine can be booted here, or None."""
    if platform.machine() != "x86_64":
        return f"the guest is amd64 and this machine is {platform.machine()}"
    if os.geteuid() != 0:
        return "not root: the guest's tree is made with mounts and chroot"
    for program in (QEMU, "debootstrap", "mkfs.ext4", "dpkg-deb", "setpriv"):
        if not shutil.which(program):
            return f"{program} is not installed (./dev deps node)"
    return None


class Image:
    """`disk`, `kernel` and `initrd` are files; the disk is never written to."""

    def __init__(self, folder):
        self.disk = folder / "disk.img"
        self.kernel = folder / "vmlinuz"
        self.initrd = folder / "initrd"


def get(package):
    """The cached image for what `package` (a .deb) depends on; made when it is missing (about a minute)."""
    depends = run("dpkg-deb", "--field", str(package), "Depends").strip()
    made_of = [nodes.base_tree().name, depends, pathlib.Path(__file__).read_text(), (HERE / "guest_agent.py").read_text()]
    folder = nodes.CACHE / ("vm-" + hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:8])
    if not folder.exists():
        print(f"vm: making {folder}", file=sys.stderr)
        making = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=nodes.CACHE))
        tree = nodes.Node()
        try:
            make(tree, depends, Image(making))
            making.rename(folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        finally:
            tree.remove()
    return Image(folder)


def make(tree, depends, image):
    chroot = ["chroot", str(tree.path), "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    quiet = ["apt-get", "-qq", "-y", "--no-install-recommends"]
    tree.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)  # nothing is started in a chroot
    tree.use_our_apt()
    run(*chroot, *quiet, "update")
    run(*chroot, *quiet, "install", *PACKAGES)
    run(*chroot, *quiet, "satisfy", depends)
    # Unpacked, not installed: its scripts would make an initramfs for a disk that is not there.
    run(*chroot, "sh", "-ec", f"""cd /var/tmp
apt-get -qq download $(apt-cache depends {KERNEL} | awk '/Depends:/ {{ print $2 }}')
dpkg-deb --fsys-tarfile linux-image-*.deb | tar --extract --keep-directory-symlink --directory=/
rm linux-image-*.deb""")
    release = next(tree.file("lib/modules").iterdir()).name
    run(*chroot, "depmod", release)
    run(*chroot, "apt-get", "clean")
    tree.file("usr/sbin/policy-rc.d").unlink()

    shutil.copyfile(HERE / "guest_agent.py", tree.file("usr/local/lib/guest_agent.py"))
    tree.write("etc/systemd/system/guest-agent.service", AGENT_UNIT)
    tree.write("etc/machine-id", "6bed0000000000000000000000000001\n")
    run(*chroot, "systemctl", "--quiet", "enable", "guest-agent.service")
    run(*chroot, "systemctl", "--quiet", "mask", *MASKED)

    shutil.copyfile(tree.file(f"boot/vmlinuz-{release}"), image.kernel)
    make_initrd(tree, chroot, release, image.initrd)
    run("mkfs.ext4", "-q", "-F", "-L", "root", "-d", str(tree.path), str(image.disk), DISK_SIZE)


def make_initrd(tree, chroot, release, target):
    shown = run(*chroot, "modprobe", "--set-version", release, "--show-depends", "--all", *BOOT_MODULES)
    modules = list(dict.fromkeys(line.split()[1] for line in shown.splitlines() if line.startswith("insmod ")))
    files = {name.lstrip("/"): tree.file(name).read_bytes() for name in modules}
    files["bin/busybox"] = tree.file("bin/busybox").read_bytes()
    files["init"] = INIT.format(modules=" ".join(modules)).encode()
    folders = {str(parent) for name in files for parent in pathlib.PurePath(name).parents if str(parent) != "."}
    with open(target, "wb") as archive:
        for name in sorted(folders | {"proc", "dev", "root"}):
            archive.write(cpio_entry(name, stat.S_IFDIR | 0o755, b""))
        for name, content in files.items():
            archive.write(cpio_entry(name, stat.S_IFREG | 0o755, content))
        archive.write(cpio_entry("TRAILER!!!", 0, b""))


def cpio_entry(name, mode, content):
    """One entry in the "newc" format (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst)."""
    cpio_entry.inode = getattr(cpio_entry, "inode", 0) + 1
    fields = [cpio_entry.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return pad(head) + pad(content)


def pad(data):
    return data + bytes(-len(data) % 4)


def copy_disk(image, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(image.disk), str(target)], check=True)
