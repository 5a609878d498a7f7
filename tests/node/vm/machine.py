"""A whole machine with a kernel of its own, under qemu's software emulation: it can be rebooted, its power can be cut, and
what belongs to the initial namespace is its own. It has no network card; the test talks to it over a virtio-serial port.
"""

import base64
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from types import SimpleNamespace

import image as images
import node as nodes

# 13 s on two idle cores; a busy build machine takes much longer. There the check of the timer at the start of the kernel
# fails as well: no_timer_check.
BOOT_SECONDS = 300


class Machine:
    def __init__(self, package, memory_mib=1536):
        image = images.get(package)
        self.memory_mib = memory_mib
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=nodes.CACHE))
        self.image = image
        self.log = self.work / "console.log"
        self.process = None
        self.port = None
        self.boot_id = None
        self.boots = []  # seconds each took
        self.calls = 0
        self.rest = b""
        images.copy_disk(image, self.work / "disk.img")

    # ---- power

    def boot(self, seconds=BOOT_SECONDS, wait=True):
        start = time.monotonic()
        path = self.work / "agent"
        path.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", images.QEMU, "-nodefaults", "-no-user-config", "-display", "none",
                 "-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(self.memory_mib),
                 "-no-reboot", "-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append",
                 "console=ttyS0 panic=1 no_timer_check quiet systemd.show_status=false",
                 "-chardev", f"file,id=console,path={self.log},append=on", "-serial", "chardev:console",
                 "-drive", f"file={self.work}/disk.img,if=virtio,format=raw,cache=writeback",
                 "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=agent,path={path},server=on,wait=off",
                 "-device", "virtserialport,chardev=agent,name=agent"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        nodes.wait_for("qemu", lambda: path.exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"qemu ended with {self.process.returncode}:\n{self.console()}")
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(str(path))
        self.rest = b""
        if wait:
            self.boot_id = self.read(lambda answer: "hello" in answer, seconds)["hello"]
            self.boots.append(time.monotonic() - start)

    def ended(self, seconds=120):
        """Waits until the machine went down by itself."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the machine did not go down in {seconds} s:\n{self.console()}") from None
        self.port.close()

    def reboot(self):
        self.try_run("systemctl", "--no-block", "reboot")
        self.ended()
        self.boot()

    def power_cut(self):
        """What the guest has not flushed is gone."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.ended()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.power_cut()
        shutil.rmtree(self.work, ignore_errors=True)

    def console(self):
        return self.log.read_text(errors="replace")[-4000:]

    # ---- talking

    def read(self, wanted, seconds):
        """The next answer that is `wanted`."""
        deadline = time.monotonic() + seconds
        while True:
            *lines, self.rest = self.rest.split(b"\n")
            for line in lines:
                answer = json.loads(line)
                if wanted(answer):
                    return answer
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no answer from the guest in {seconds} s:\n{self.console()}")
            self.port.settimeout(left)
            try:
                got = self.port.recv(1 << 16)
            except TimeoutError:
                continue
            if not got:
                self.process.wait(60)
                raise ConnectionError(f"the machine went down (qemu: {self.process.returncode}):\n{self.console()}")
            self.rest += got

    def try_run(self, *args, seconds=180, data=b""):
        """Runs a program in the guest; `returncode`, `stdout`, `stderr`."""
        self.calls += 1
        request = {"n": self.calls, "argv": [str(a) for a in args], "input": base64.b64encode(data).decode(),
                   "seconds": seconds}
        self.port.settimeout(seconds)
        try:
            self.port.sendall(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise ConnectionError(f"the machine went down:\n{self.console()}") from None
        answer = self.read(lambda a: a.get("n") == request["n"], seconds + 60)
        out, err = (base64.b64decode(answer[k]).decode(errors="replace") for k in ("out", "err"))
        return SimpleNamespace(returncode=answer["status"], stdout=out, stderr=err)

    def run(self, *args, **options):
        done = self.try_run(*args, **options)
        if done.returncode != 0:
            raise AssertionError(f"in the guest: {shlex.join(map(str, args))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout

    def sh(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    # ---- looking at it

    def write(self, name, content, mode=0o644):
        data = content if isinstance(content, bytes) else content.encode()
        self.run("sh", "-ec", 'mkdir -p "$(dirname "$1")"; cat > "$1"; chmod "$2" "$1"; sync "$1"', "sh", name, f"{mode:o}",
                 data=data)

    def read_file(self, name):
        """The text of a file, or None."""
        done = self.try_run("cat", name)
        return done.stdout if done.returncode == 0 else None

    def sysctls(self, *keys):
        """Key -> value as the kernel shows it; None for a key that is not there."""
        script = 'for f; do if [ -e "$f" ]; then printf "%s\\0" "$(cat "$f")"; else printf "\\001\\0"; fi; done'
        values = self.run("sh", "-c", script, "sh", *("/proc/sys/" + k.replace(".", "/") for k in keys)).split("\0")
        return {k: None if v == "\x01" else v for k, v in zip(keys, values)}

    def sysctl(self, key):
        return self.sysctls(key)[key]

    def show(self, *properties, unit="bedplated.service"):
        lines = self.run("systemctl", "show", unit, *(f"--property={p}" for p in properties)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def status(self):
        text = self.read_file("/run/bedplate/status.json")
        return json.loads(text) if text else {}

    def journal(self, *matches, boot="0"):
        text = self.run("journalctl", "--no-pager", "--quiet", f"--boot={boot}", "--output=json",
                        "SYSLOG_IDENTIFIER=bedplated", *matches)
        return [json.loads(line) for line in text.splitlines()]
