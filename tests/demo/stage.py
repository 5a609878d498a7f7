"""Where the demo plays: a tree that stands for the node, a Git server, a bus.

FullStage needs root and runs in mount, network and PID namespaces of its own: the keys of net.ipv4, net.ipv6, net.core
and net.bridge are the kernel's, of a network that nobody else has; the Git server is an sshd that git.example.org
means nowhere else. PlainStage needs nothing and has files only. Both end with the process that made them.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

EXAMPLE = lib.SOURCE / "examples/infra"
CLUSTER = "clusters/oslo-prod/node"
MODULES = ("br_netfilter", "overlay", "nf_conntrack")
# What a fresh Debian 12 of 4 GiB holds: where the node starts from.
FRESH = {
    "net.ipv4.ip_forward": "0", "net.ipv4.tcp_tw_reuse": "2", "net.core.somaxconn": "4096",
    "net.bridge.bridge-nf-call-iptables": "1", "net.netfilter.nf_conntrack_max": "65536",
    "net.ipv4.ip_local_port_range": "32768 60999", "net.ipv4.ip_local_reserved_ports": "",
    "fs.inotify.max_user_watches": "29330", "fs.inotify.max_user_instances": "128", "vm.overcommit_memory": "0",
    "vm.panic_on_oom": "0", "kernel.panic": "0", "kernel.panic_on_oops": "0",
}
# Folders of /proc/sys of which a network namespace has its own; what it does not have is not visible in it.
OWN = ("net/ipv4", "net/ipv6", "net/core", "net/bridge")


def example_keys():
    """The keys that the example sets on any node of the cluster."""
    keys = set()
    for file in sorted((EXAMPLE / CLUSTER).rglob("sysctl.d/*.conf")):
        for line in file.read_text().splitlines():
            if "=" in line and not line.lstrip().startswith(("#", ";")):
                keys.add(line.split("=")[0].strip().lstrip("-"))
    return sorted(keys)


def host_values():
    """What this machine's kernel holds of them (None: not there), to show afterwards that it was left alone."""
    values = {}
    for key in example_keys():
        try:
            values[key] = pathlib.Path("/proc/sys", key.replace(".", "/")).read_text()
        except OSError:
            values[key] = None
    return values


def run(*args, **options):
    done = subprocess.run(list(map(str, args)), capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, args))}: {done.stderr.strip()}")
    return done.stdout


class Stage:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.base.chmod(0o755)
        self.tree = lib.Tree(self.base)
        self.node = self.base / "node"  # a short name for the screen
        self.tree.path.rename(self.node)
        self.tree.path = self.node
        # The worker runs as another user, who may not be let into the folder where this was built.
        programs = self.base / "programs"
        programs.mkdir()
        for program in (lib.CLI, lib.DAEMON, lib.WORKER):
            shutil.copy(program, programs)
        lib.DAEMON = programs / lib.DAEMON.name
        self.bus = lib.Bus(self.base)
        self.agent = lib.Agent(self.tree, self.bus)
        for name in MODULES:
            (self.node / "sys/module" / name).mkdir(parents=True)
        self.real, self.files = [], []
        self.build_keys()
        # Commands on the screen are short and true: `bedplate` is the built one on this tree.
        bin_dir = self.base / "bin"
        bin_dir.mkdir()
        command = bin_dir / "bedplate"
        command.write_text(f"#!/bin/sh\nexec {programs}/{lib.CLI.name} --root {self.node} \"$@\"\n")
        command.chmod(0o755)
        self.environment = dict(self.agent.environment(), PATH=f"{bin_dir}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
                                HOME=str(self.base), GIT_CONFIG_GLOBAL=str(self.base / "gitconfig"),
                                GIT_CONFIG_SYSTEM="/dev/null", LC_ALL="C.UTF-8")
        (self.base / "gitconfig").write_text(
            "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n[safe]\ndirectory = *\n")

    def build_keys(self):
        (self.node / "proc/sys/net").mkdir(exist_ok=True)
        for key in example_keys():
            self.tree.sysctl(key, FRESH[key])
            self.files.append(key)

    def git(self, *args, cwd=None):
        return run("git", *args, cwd=cwd or self.base, env=self.environment)

    def bare_repository(self, path):
        """A bare repository at `path` holding the example."""
        self.git("init", "-q", "--bare", "-b", "main", path)
        first = self.base / "first"
        # Its sealed file is for a key that nobody holds: who copies the example makes another or leaves it.
        shutil.copytree(EXAMPLE, first, ignore=shutil.ignore_patterns("*.sealed"))
        self.git("init", "-q", first)
        for args in (("add", "-A"), ("commit", "-q", "-m", "infra: as copied from the example"), ("push", "-q", path, "main")):
            self.git(*args, cwd=first)
        shutil.rmtree(first)

    def configure(self, lines):
        self.tree.write("etc/bedplate/bedplate.conf", f"[repository]\n{lines}path = {CLUSTER}\ninterval = 60s\n\n"
                        "[node]\nname = web-01\nrole = server\nmode = observe\n")

    def close(self):
        self.agent.stop()
        self.bus.stop()


class PlainStage(Stage):
    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="bedplate-demo-"))
        remote = self.base / "infra.git"
        self.bare_repository(remote)
        self.url = f"file://{remote}"
        self.configure(f"url = {self.url}\n")

    def close(self):
        super().close()
        shutil.rmtree(self.base)

    def write_key(self, key, value):
        """The command that changes a key by hand."""
        return f"echo {value} > node/proc/sys/{key.replace('.', '/')}"

    def read_keys(self, *keys):
        return "head -n 99 " + " ".join(f"node/proc/sys/{key.replace('.', '/')}" for key in keys)


class FullStage(Stage):
    """To be made inside the namespaces (enter())."""

    @staticmethod
    def possible():
        """Why it is not, or None."""
        if os.geteuid() != 0:
            return "root"
        probe = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs",
                                "tmpfs", "/run"], capture_output=True, text=True)
        return None if probe.returncode == 0 else f"namespaces ({probe.stderr.strip()})"

    @staticmethod
    def enter(*command):
        """Runs `command` in namespaces of its own; all that it starts ends with it. Gives its exit status."""
        return subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *command])\
            .returncode

    def __init__(self):
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        os.mkdir("/run/demo")
        lib.loopback_up()
        self.add_users()
        super().__init__("/run/demo")
        self.sshd = None
        home = pathlib.Path("/run/git")
        home.mkdir(mode=0o755)
        self.bare_repository(home / "infra.git")
        run("chown", "-R", "git:git", home)
        if shutil.which("sshd", path=self.environment["PATH"]) and shutil.which("ssh-keygen"):
            self.serve(home)
        else:
            self.url = f"file://{home}/infra.git"
            self.configure(f"url = {self.url}\n")

    def close(self):
        super().close()
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait(10)

    def overlay(self, path, change):
        """`path` with other content, in this namespace alone."""
        copy = pathlib.Path("/run/demo-" + path.strip("/").replace("/", "-"))
        copy.write_text(change(pathlib.Path(path).read_text()))
        shutil.copystat(path, copy)
        run("mount", "--bind", copy, path)

    def add_users(self):
        """git, who serves the repository, and bedplate, who fetches it (the package makes that one)."""
        def without(text):
            return "".join(line + "\n" for line in text.splitlines() if line.split(":")[0] not in ("git", "bedplate"))
        self.overlay("/etc/passwd", lambda text: without(text) + "git:x:64001:64001::/run/git:/bin/sh\n"
                     "bedplate:x:64002:64002::/nonexistent:/usr/sbin/nologin\n")
        self.overlay("/etc/group", lambda text: without(text) + "git:x:64001:\nbedplate:x:64002:\n")
        self.overlay("/etc/shadow", lambda text: without(text) + "git:*:20000::::::\nbedplate:*:20000::::::\n")
        self.overlay("/etc/hosts", lambda text: "127.0.0.1 localhost git.example.org\n")

    def build_keys(self):
        for folder in OWN:
            place = self.node / "proc/sys" / folder
            place.mkdir(parents=True)
            if os.path.isdir(f"/proc/sys/{folder}"):
                run("mount", "--bind", f"/proc/sys/{folder}", place)
        for key in example_keys():
            path = self.node / "proc/sys" / key.replace(".", "/")
            if path.exists():
                path.write_text(FRESH[key] + "\n")
                self.real.append(key)
            elif os.path.ismount(path.parent):
                raise RuntimeError(f"this kernel has no {key} in a network namespace")
            else:
                self.tree.sysctl(key, FRESH[key])
                self.files.append(key)

    def serve(self, home):
        """sshd on port 22 of the loopback that only we have."""
        keys = self.base / "keys"
        keys.mkdir(mode=0o700)
        for name in ("host", "operator", "node"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", keys / name)
        public = {name: (keys / f"{name}.pub").read_text() for name in ("host", "operator", "node")}
        (home / "authorized_keys").write_text(
            f'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {public["operator"]}'
            f'restrict,command="git-upload-pack infra.git" {public["node"]}')  # a deploy key: reads, and nothing else
        os.mkdir("/run/sshd", mode=0o755)
        config = self.base / "sshd_config"
        config.write_text(f"ListenAddress 127.0.0.1:22\nHostKey {keys}/host\nAuthorizedKeysFile {home}/authorized_keys\n"
                          "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n")
        sshd = shutil.which("sshd", path=self.environment["PATH"])
        self.sshd = subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL,
                                     stderr=open(self.base / "sshd.log", "w"))

        def listening():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", 22)) == 0
        lib.wait_for("sshd", listening)
        key = self.tree.write("etc/bedplate/id_ed25519", (keys / "node").read_text(), 0o600)
        assert key.stat().st_mode & 0o077 == 0
        known = self.tree.write("etc/bedplate/known_hosts", "git.example.org " + public["host"])
        self.environment["GIT_SSH_COMMAND"] = (f"ssh -F none -i {keys}/operator -o IdentitiesOnly=yes "
                                               f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes")
        self.url = "git@git.example.org:infra.git"
        self.configure(f"url = {self.url}\nssh-key = /etc/bedplate/id_ed25519\nknown-hosts = /etc/bedplate/known_hosts\n")

    def write_key(self, key, value):
        return f"sysctl -w {key}={value}"

    def read_keys(self, *keys):
        return "sysctl " + " ".join(keys) if all(key in self.real for key in keys) else PlainStage.read_keys(self, *keys)
