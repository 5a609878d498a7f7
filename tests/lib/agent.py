"""What the Python tests and benchmarks share: a tree that stands for a host, a Git repository, a private bus, and a
running agent. Everything listens on files or loopback, and is stopped by pid.

BEDPLATE_BUILD names the folder of the built programs (build/ beside the sources otherwise).
"""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BEDPLATE_BUILD", SOURCE / "build")).resolve()
CLI = BUILD / "bedplate"
DAEMON = BUILD / "bedplated"
WORKER = BUILD / "bedplate-worker"
# A key and its certificate that are nobody's secret.
PEER = SOURCE / "tests/unit/trust/peer"


def wait_for(what, check, seconds=60.0, every=0.02):
    """Calls check() until it gives something true and returns that; AssertionError naming `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)


def loopback_up():
    """In a network namespace of one's own "lo" begins down."""
    siocsifflags, iff_up_running = 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh14x", b"lo", iff_up_running))


class Tree:
    """A directory that stands for a host (--root). Sysctls are plain files below proc/sys."""

    def __init__(self, base=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-tree-", dir=base))
        # The worker drops to another user when the tests run as root: it must be able to reach its folder.
        self.path.chmod(0o755)
        self.write("proc/sys/kernel/random/boot_id", "11111111-1111-1111-1111-111111111111\n")
        self.write("etc/hostname", "web-01\n")
        (self.path / "sys/module").mkdir(parents=True)

    def __truediv__(self, name):
        return self.path / name

    def write(self, name, text, mode=0o644):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def read(self, name):
        return (self.path / name).read_text()

    def sysctl(self, key, value=None):
        """Sets a plain-file sysctl (dots), or gives what it holds."""
        name = "proc/sys/" + key.replace(".", "/")
        if value is not None:
            self.write(name, value + "\n")
        return self.read(name).strip()

    def sealing_key(self):
        """A key for sealed files, as a fleet's would be put there: making one takes the agent a second of CPU."""
        for name, mode in (("var/lib/bedplate", 0o711), ("var/lib/bedplate/sealing", 0o700)):
            (self.path / name).mkdir(parents=True, exist_ok=True)
            (self.path / name).chmod(mode)
        self.write("var/lib/bedplate/sealing/fleet.pem", (PEER / "key.pem").read_text(), 0o600)

    def configure(self, repository, name="web-01", role="server", mode="enforce", interval="1h", extra=""):
        if not (self.path / "var/lib/bedplate/sealing").exists():
            self.sealing_key()
        self.write(
            "etc/bedplate/bedplate.conf",
            f"[repository]\nurl = {repository.url}\nbranch = main\npath = {repository.directory}\n"
            f"interval = {interval}\n[node]\nname = {name}\nrole = {role}\nmode = {mode}\n{extra}",
        )

    def files(self, name):
        top = self.path / name
        return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file()) if top.exists() else []

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Repository:
    """A bare remote with a clone to commit from."""

    def __init__(self, base=None, directory="clusters/oslo-prod/node"):
        self.directory = directory
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-git-", dir=base))
        self.base.chmod(0o755)
        self.remote = self.base / "infra.git"
        self.clone = self.base / "clone"
        self.url = f"file://{self.remote}"
        self.run("init", "-q", "--bare", "-b", "main", str(self.remote), cwd=self.base)
        self.run("clone", "-q", str(self.remote), str(self.clone), cwd=self.base)
        self.run("checkout", "-q", "-B", "main")

    def run(self, *args, cwd=None):
        environment = dict(
            os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_AUTHOR_NAME="Ada",
            GIT_AUTHOR_EMAIL="ada@nordic-corp.no", GIT_COMMITTER_NAME="Ada", GIT_COMMITTER_EMAIL="ada@nordic-corp.no",
        )
        done = subprocess.run(["git", *args], cwd=cwd or self.clone, env=environment, text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def commit(self, files, message="change", push=True):
        """files: path within the cluster directory -> text, or None to remove it. Gives the commit's id."""
        for name, text in files.items():
            file = self.clone / self.directory / name
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        self.run("add", "-A")
        self.run("commit", "-q", "--allow-empty", "-m", message)
        if push:
            self.run("push", "-q", "origin", "HEAD:main")
        return self.run("rev-parse", "HEAD")

    def remove(self):
        shutil.rmtree(self.base, ignore_errors=True)


class Bus:
    """A private dbus-daemon; `address` goes into DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, base=None):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-bus-", dir=base))
        self.base.chmod(0o755)
        self.address = f"unix:path={self.base}/socket"
        config = self.base / "bus.conf"
        config.write_text(
            "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'"
            " 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
            f"<busconfig><type>system</type><listen>{self.address}</listen><auth>EXTERNAL</auth>"
            "<policy context='default'><allow user='*'/><allow own='*'/><allow send_type='method_call'/>"
            "<allow send_type='signal'/><allow send_requested_reply='true' send_type='method_return'/>"
            "<allow send_requested_reply='true' send_type='error'/><allow receive_type='method_call'/>"
            "<allow receive_type='method_return'/><allow receive_type='error'/><allow receive_type='signal'/>"
            "</policy></busconfig>\n"
        )
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], stderr=subprocess.PIPE
        )
        wait_for("the bus", (self.base / "socket").exists)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        shutil.rmtree(self.base, ignore_errors=True)


class Agent:
    """bedplated on a tree, with a notify socket. `log` collects what it writes to stderr."""

    def __init__(self, tree, bus=None, prefix=()):
        self.tree = tree
        self.bus = bus
        self.prefix = list(prefix)
        self.process = None
        self.log = tree.path / "bedplated.log"

    def environment(self):
        environment = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "DBUS_SYSTEM_BUS_ADDRESS")}
        if self.bus:
            environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        return environment

    def start(self, ready=True, seconds=30):
        path = self.tree.path / "notify"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        self.messages = []
        # Always read, as systemd does: beyond ten unread datagrams the daemon's next one would wait for ever.
        threading.Thread(target=self.listen, args=(self.notify,), daemon=True).start()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(DAEMON), "--root", str(self.tree.path)],
                env=dict(self.environment(), NOTIFY_SOCKET=str(path)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        if ready:
            wait_for(f"READY; the log says:\n{self.log.read_text()}", lambda: self.notified("READY=1"), seconds)
        return self

    def listen(self, notify):
        with contextlib.suppress(OSError), notify:
            while text := notify.recv(65536).decode():
                self.messages += text.split("\n")

    def notified(self, line):
        if self.process.poll() is not None:
            raise AssertionError(f"bedplated ended with {self.process.returncode}:\n{self.log.read_text()}")
        return line in self.messages

    def stop(self, sign=signal.SIGTERM, seconds=20):
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(seconds)
        self.notify.shutdown(socket.SHUT_RDWR)
        self.process = None
        return code

    def cli(self, *args, check=False):
        """Runs `bedplate --root TREE ARGS`."""
        done = subprocess.run(
            [*self.prefix, str(CLI), "--root", str(self.tree.path), *args],
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"bedplate {' '.join(args)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def once(self):
        """One reconciliation without a daemon."""
        return subprocess.run(
            [*self.prefix, str(DAEMON), "--root", str(self.tree.path), "--once"],
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )

    def status(self):
        """status.json, or {} when there is none."""
        try:
            return json.loads(self.tree.read("run/bedplate/status.json"))
        except FileNotFoundError:
            return {}
