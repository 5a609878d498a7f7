"""Hosts on one Ethernet, each with a network namespace of its own, as root: what one of them listens on at loopback no other
one reaches, and a cable can be pulled.
"""

import os
import subprocess

import agent as lib


def missing():
    """Why there can be none here; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if subprocess.run(["unshare", "--net", "ip", "link", "add", "br0", "type", "bridge"], capture_output=True).returncode != 0:
        return "no network namespaces here (unshare or the bridge is refused)"
    return None


def run(*args):
    done = subprocess.run(list(map(str, args)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, args))}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """It is there as long as its process. With "lo" up, and nothing else."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        mine = os.readlink("/proc/self/ns/net")
        lib.wait_for("the namespace", lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != mine)
        self.do("ip", "link", "set", "lo", "up")

    @property
    def pid(self):
        return self.process.pid

    @property
    def prefix(self):
        """What a command begins with that is to run in it."""
        return ["nsenter", "--net", "--target", str(self.pid), "--"]

    def do(self, *args):
        return run(*self.prefix, *args)

    def stop(self):
        self.process.kill()
        self.process.wait(10)


class Host(Namespace):
    def __init__(self, switch, number):
        super().__init__()
        self.switch, self.port, self.address = switch, f"port{number}", f"10.77.0.{number}"
        switch.do("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.pid)
        switch.do("ip", "link", "set", self.port, "master", "br0", "up")
        self.do("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.do("ip", "link", "set", "eth0", "up")
        self.do("ip", "route", "add", "default", "via", Network.GATEWAY)

    def pull(self):
        self.switch.do("ip", "link", "set", self.port, "down")

    def plug(self):
        self.switch.do("ip", "link", "set", self.port, "up")


class Network:
    GATEWAY = "10.77.0.254"

    def __init__(self):
        self.switch, self.hosts = Namespace(), []
        self.switch.do("ip", "link", "add", "br0", "type", "bridge")
        self.switch.do("ip", "address", "add", f"{self.GATEWAY}/24", "dev", "br0")
        self.switch.do("ip", "link", "set", "br0", "up")

    def add(self):
        self.hosts.append(Host(self.switch, len(self.hosts) + 1))
        return self.hosts[-1]

    def stop(self):
        for namespace in (*self.hosts, self.switch):
            namespace.stop()
