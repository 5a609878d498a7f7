#!/usr/bin/env python3
"""Keys that cut the node off, on the real kernel: two network namespaces with two links between them, and an sshd in the
other one that is the Git server. Needs root; runs itself in mount, network and PID namespaces of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from network import Namespace, run  # noqa: E402

NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
# Two looks, and the time a busy machine needs for the rest.
BOUND = 20.0
FILTER = "net.ipv4.conf.all.rp_filter"
FORWARD6 = "net.ipv6.conf.all.forwarding"
BASE = "net.core.somaxconn = 5000\nnet.ipv4.conf.near1.arp_announce = 2\n"

ADVERTISE = """
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, socket.if_nametoindex("far0")))
"""


def value(key, new=None):
    file = pathlib.Path("/proc/sys", *key.split("."))
    if new is not None:
        file.write_text(new)
    return file.read_text().strip()


class Peer(Namespace):
    """The other namespace: the gateway on link 0, the way back on link 1, the Git server on an address behind both."""

    def __init__(self):
        super().__init__()
        for name in ("all", "default"):
            value(f"net.ipv4.conf.{name}.rp_filter", "0")
            self.do("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0")
        run("ip", "link", "set", "lo", "up")
        for i in (0, 1):
            run("ip", "link", "add", f"near{i}", "type", "veth", "peer", "name", f"far{i}", "netns", self.pid)
            run("ip", "address", "add", f"10.9{i + 1}.0.10/24", "dev", f"near{i}")
            run("ip", "link", "set", f"near{i}", "up")
            self.do("ip", "address", "add", f"10.9{i + 1}.0.1/24", "dev", f"far{i}")
            self.do("ip", "link", "set", f"far{i}", "up")
        self.do("ip", "address", "add", "10.93.0.1/32", "dev", "lo")
        run("ip", "route", "add", "default", "via", "10.91.0.1")
        # What comes in on link 0 is answered on link 1: strict filtering drops the answers.
        self.do("ip", "route", "add", "10.91.0.10/32", "via", "10.92.0.10", "dev", "far1")
        self.sshd = None

    def serve(self, base):
        keys = base / "keys"
        keys.mkdir(mode=0o700)
        for name in ("host", "node"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", keys / name)
        (base / "authorized_keys").write_text((keys / "node.pub").read_text())
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        os.mkdir("/run/sshd", mode=0o755)
        config = base / "sshd_config"
        config.write_text(f"ListenAddress 10.93.0.1:22\nHostKey {keys}/host\nAuthorizedKeysFile {base}/authorized_keys\n"
                          "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n"
                          "StrictModes no\nPermitRootLogin prohibit-password\nUseDNS no\n")
        with open(base / "sshd.log", "w") as log:
            self.sshd = subprocess.Popen([*self.prefix, shutil.which("sshd"), "-D", "-e", "-f", config],
                                         stdin=subprocess.DEVNULL, stderr=log)
        lib.wait_for("sshd", lambda: "listening" in (base / "sshd.log").read_text())

    def silence(self):
        self.sshd.terminate()
        self.sshd.wait(10)
        self.sshd = None

    def advertise(self):
        self.do(sys.executable, "-c", ADVERTISE)

    def stop(self):
        if self.sshd:
            self.silence()
        super().stop()


class Reach(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.peer = Peer()
        self.addCleanup(self.forget_links)
        self.addCleanup(self.peer.stop)
        self.peer.serve(self.repository.base)
        self.addCleanup(subprocess.run, ["umount", "/run"])
        keys = self.repository.base / "keys"
        self.tree.write("etc/bedplate/id", (keys / "node").read_text(), 0o600)
        self.tree.write("etc/bedplate/known_hosts", "10.93.0.1 " + (keys / "host.pub").read_text())
        self.repository.url = f"ssh://root@10.93.0.1{self.repository.remote}"
        self.tree.configure(self.repository)
        config = self.tree.read("etc/bedplate/bedplate.conf")
        self.tree.write("etc/bedplate/bedplate.conf", config.replace(
            "[node]", "ssh-key = /etc/bedplate/id\nknown-hosts = /etc/bedplate/known_hosts\n[node]"))
        run("mount", "--bind", "/proc/sys", self.tree / "proc/sys")
        self.addCleanup(run, "umount", self.tree / "proc/sys")
        self.agent = lib.Agent(self.tree)
        self.commit(BASE)
        self.assertEqual(self.sync(), 0)
        self.assertEqual(value("net.core.somaxconn"), "5000")

    @staticmethod
    def forget_links():
        for i in (0, 1):
            subprocess.run(["ip", "link", "del", f"near{i}"], capture_output=True)
        value(FILTER, "0")
        value(FORWARD6, "0")

    def commit(self, text):
        self.repository.commit({"sysctl.d/a.conf": text}, "keys")

    def sync(self):
        begin = time.monotonic()
        self.done = self.agent.once()
        self.took = time.monotonic() - begin
        return self.done.returncode

    def condition(self, name="Ready"):
        return next(one for one in self.agent.status()["conditions"] if one["type"] == name)

    def assert_taken_back(self, key, old):
        self.assertEqual(self.done.returncode, 4, self.done.stdout + self.done.stderr)
        self.assertLess(self.took, BOUND)
        self.assertEqual(value(key), old)
        self.assertEqual(self.condition()["status"], "False")
        self.assertEqual(self.condition()["reason"], "CutOff")
        self.assertIn(key, self.condition()["message"])
        boot = self.tree.read("etc/sysctl.d/99-zz-bedplate.conf")
        self.assertNotIn(f"{key} = 1", boot)
        self.assertIn("net.core.somaxconn", boot)

    def test_a_commit_that_drops_the_servers_answers_is_taken_back(self):
        self.commit(BASE.replace("5000", "6000") + f"{FILTER} = 1\n")
        self.sync()
        self.assert_taken_back(FILTER, "0")
        self.assertEqual(value("net.core.somaxconn"), "6000")  # the rest of the commit is in force
        self.assertIn("Git remote answered before and does not now", self.done.stdout)
        # It still reaches Git, does not try again by itself, and takes the next commit.
        self.sync()
        self.assertLess(self.took, 6)
        self.assert_taken_back(FILTER, "0")
        self.assertIsNone(self.agent.status()["source"]["problem"])
        self.commit(BASE + f"{FILTER} = 2\n")
        self.assertEqual(self.sync(), 0, self.done.stdout)
        self.assertEqual(value(FILTER), "2")
        self.assertEqual(self.condition()["status"], "True")

    def test_a_killed_agent_finishes_it_at_the_next_start(self):
        self.commit(BASE + f"{FILTER} = 1\n")
        process = subprocess.Popen([lib.DAEMON, "--root", self.tree.path, "--once"], env=self.agent.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lib.wait_for("the write", lambda: value(FILTER) == "1")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        self.assertEqual(value(FILTER), "1")
        self.sync()
        self.assert_taken_back(FILTER, "0")

    def test_a_remote_out_of_reach_proves_nothing(self):
        self.commit(BASE + f"{FILTER} = 2\n")
        self.assertEqual(self.sync(), 0, self.done.stdout)
        self.peer.silence()
        done = self.agent.cli("rollback")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(value(FILTER), "0")

    def test_an_advertised_default_route_is_not_lost(self):
        def routes():
            return run("ip", "-6", "route", "show", "default")
        for key, text in (("accept_ra", "1"), ("forwarding", "0")):
            value(f"net.ipv6.conf.near0.{key}", text)
        lib.wait_for("a link-local address", lambda: "fe80" in self.peer.do(
            "ip", "-6", "address", "show", "dev", "far0", "-tentative"))

        def advertised():
            self.peer.advertise()
            return "proto ra" in routes()
        lib.wait_for("the advertised route", advertised, every=0.5)
        self.commit(BASE + f"{FORWARD6} = 1\n")
        self.sync()
        self.assert_taken_back(FORWARD6, "0")
        self.assertIn("IPv6", self.done.stdout)
        self.assertIn("proto ra", routes())
        # accept_ra = 2 is set first, whatever the order of the names: now the route stays.
        self.commit(BASE + f"net.ipv6.conf.near0.accept_ra = 2\n{FORWARD6} = 1\n")
        self.assertEqual(self.sync(), 0, self.done.stdout)
        self.assertEqual(value(FORWARD6), "1")
        self.assertIn("proto ra", routes())


def main():
    probe = subprocess.run([*NAMESPACES, "ip", "link", "add", "type", "veth"], capture_output=True, text=True)
    missing = [name for name in ("ip", "sshd", "ssh-keygen", "nsenter") if not shutil.which(name)]
    if os.geteuid() != 0 or probe.returncode != 0 or missing:
        why = f"there is no {', '.join(missing)}" if missing else f"needs root and namespaces ({probe.stderr.strip()})"
        print(f"SKIPPED: {why}")
        return 77
    return subprocess.run([*NAMESPACES, sys.executable, __file__, "--inside", *sys.argv[1:]]).returncode


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if "--inside" in sys.argv:
        sys.argv.remove("--inside")
        unittest.main()
    sys.exit(main())
