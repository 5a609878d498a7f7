"""A whole Debian 12 with systemd in systemd-nspawn: an own network (so that /proc/sys/net is its own), an own journal,
an own bus. The tree is made once by debootstrap and kept as a cache; every node is an overlay over it.

The machine it runs on needs root, systemd-container and debootstrap, and its own apt sources: they are used as they
are. A node has no way out: what apt installs in it was downloaded before it was booted.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from agent import wait_for  # noqa: E402

RELEASE = "bookworm"
PACKAGES = ["systemd", "systemd-sysv", "dbus", "openssh-server", "git", "iproute2", "procps", "ca-certificates", "python3",
            "python3-apt", "kmod", "libpam-systemd"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "bedplate-node"
# nspawn's exit status when the node asked for a reboot.
REBOOT = 133


def why_not():
    """Why a node cannot run here, or None."""
    if os.geteuid() != 0:
        return "not root: a node needs mounts and namespaces"
    for program in ("systemd-nspawn", "debootstrap", "nsenter"):
        if not shutil.which(program):
            return f"{program} is not installed (./dev deps node)"
    return None


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def debian_sources():
    """(URI, suite) of this machine's own Debian sources for RELEASE; Debian's servers where it has none."""
    form = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    lines = run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines()
    found = [tuple(line.split()[:2]) for line in lines if line.endswith(" main") and len(line.split()) == 3]
    return [f for f in found if f[1].split("-")[0] == RELEASE] or [("http://deb.debian.org/debian", RELEASE)]


def base_tree():
    """The cached tree; made when it is missing (45 to 90 s)."""
    mark = hashlib.sha256(" ".join([RELEASE, *PACKAGES]).encode()).hexdigest()[:8]
    tree = CACHE / f"{RELEASE}-{mark}"
    if tree.exists():
        return tree
    CACHE.mkdir(parents=True, exist_ok=True)
    making = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=CACHE))
    making.chmod(0o755)
    mirror = next(uri for uri, suite in debian_sources() if suite == RELEASE)
    print(f"node: making {tree} from {mirror}", file=sys.stderr)
    try:
        run("debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), RELEASE, str(making), mirror)
        making.rename(tree)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return tree


class Node:
    """One node. `path` is its tree as this machine sees it, also while it runs."""

    def __init__(self):
        base = base_tree()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="node-", dir=CACHE))
        self.path = self.work / "root"
        self.log = self.work / "console.log"
        self.process = None
        for name in ("root", "upper", "scratch"):
            (self.work / name).mkdir()
        (self.work / "upper").chmod(0o755)
        try:
            run("mount", "-t", "overlay", "overlay", "-o",
                f"lowerdir={base},upperdir={self.work}/upper,workdir={self.work}/scratch", str(self.path))
            self.overlay = True
        except RuntimeError:
            self.overlay = False
            run("cp", "-a", f"{base}/.", str(self.path))
        (self.path / "etc/hostname").write_text("web-01\n")
        (self.path / "etc/hosts").write_text("127.0.0.1 localhost web-01\n")

    # ---- before it is booted

    def use_our_apt(self):
        """Gives the tree this machine's apt sources and its way to them."""
        apt = self.path / "etc/apt"
        (apt / "sources.list").write_text("".join(f"deb {uri} {suite} main\n" for uri, suite in debian_sources()))
        settings = [line for line in run("apt-config", "dump").splitlines()
                    if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries"))]
        (apt / "apt.conf.d/90-of-the-build-machine").write_text("\n".join([*settings, ""]))
        for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
            if os.path.exists("/" + name):
                (self.path / name).unlink(missing_ok=True)
                shutil.copyfile("/" + name, self.path / name)

    def fetch_packages(self, *packages):
        """Has apt download what these packages (names, or paths in the node) need, with this machine's network."""
        self.use_our_apt()
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
        run("chroot", str(self.path), "apt-get", "-qq", "update", env=environment)
        run("chroot", str(self.path), "apt-get", "-qq", "-y", "--no-install-recommends", "--download-only", "install",
            *packages, env=environment)

    # ---- running

    def boot(self, seconds=90):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={self.path}", "--boot", "--register=no", "--keep-unit",
                 "--private-network", "--system-call-filter=fanotify_init fanotify_mark", "--console=pipe"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_for(f"the node to boot (see {self.log})", self.booted, seconds)

    def booted(self):
        if self.process.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with {self.process.returncode}:\n{self.console()}")
        state = self.try_run("systemctl", "is-system-running") if self.leader() else None
        return state is not None and state.stdout.strip() in ("running", "degraded")

    def console(self):
        return self.log.read_text(errors="replace")[-4000:]

    def leader(self):
        """The node's first process, as this machine numbers it; None while there is none."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError, ValueError):
            for pid in children.read_text().split():
                # nspawn's own helper shares our pid namespace, the node's first process does not.
                if os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                    return int(pid)
        return None

    def command(self, *args, user=None):
        inside = ["nsenter", f"--target={self.leader()}", "--all", "--wd=/"]
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root",
                       "DEBIAN_FRONTEND=noninteractive"]
        as_user = ["runuser", "-u", user, "--"] if user else []
        return [*inside, *environment, *as_user, *map(str, args)]

    def try_run(self, *args, user=None, seconds=180, text=None):
        """Runs a program in the node; stdout and stderr apart."""
        given = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        return subprocess.run(self.command(*args, user=user), capture_output=True, text=True, timeout=seconds, check=False,
                              **given)

    def run(self, *args, **options):
        done = self.try_run(*args, **options)
        if done.returncode != 0:
            raise AssertionError(f"in the node: {shlex.join(map(str, args))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout

    def reboot(self, seconds=90):
        self.try_run("systemctl", "reboot")
        self.ended(seconds)
        self.boot(seconds)

    def power_cut(self):
        """Everything in the node is gone at once."""
        os.kill(self.leader(), signal.SIGKILL)
        self.ended(30)

    def ended(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the node did not go down in {seconds} s:\n{self.console()}") from None

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # nspawn passes it on as a power-off
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.overlay:
            subprocess.run(["umount", str(self.path)], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    # ---- looking at it

    def file(self, name):
        return self.path / name.lstrip("/")

    def write(self, name, text, mode=0o644):
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def sysctl(self, key):
        return self.run("cat", "/proc/sys/" + key.replace(".", "/")).strip()

    def show(self, *properties, unit="bedplated.service"):
        lines = self.run("systemctl", "show", unit, *(f"--property={p}" for p in properties)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def failed_units(self):
        return self.run("systemctl", "--failed", "--plain", "--no-legend", "--no-pager").strip()

    def journal(self, *matches, boot="0"):
        text = self.run("journalctl", "--no-pager", "--quiet", f"--boot={boot}", "--output=json",
                        "SYSLOG_IDENTIFIER=bedplated", *matches)
        return [json.loads(line) for line in text.splitlines()]

    def status(self):
        done = self.try_run("bedplate", "status", "-o", "json")
        return json.loads(done.stdout) if done.stdout.strip() else {}
