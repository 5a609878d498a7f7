"""Hosts with K3s on them, in one process: each a tree with a bedplated, a systemd with the unit k3s.service
(tests/lib/fake_systemd.h) and, behind that unit, a stand-in for K3s. All of a Cluster share their objects. On a network
(network.py) each is in a namespace of its own, and all APIs listen on K3s's own port.
"""

import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import agent as lib
import k3s_config
from k3s_standin import K3sStandin, moment

PROXY = pathlib.Path(__file__).with_name("k3s_proxy.py")
SYSTEMD = lib.BUILD / "tests/fake-systemd"
LOG = "var/log/k3s.log"


def line(level, text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'say time="{moment()}" level={level} msg="{escaped}"\n'


class Host:
    """start() begins K3s and then bedplated. config: what is there before Bedplate, besides a port and a log."""

    def __init__(self, cluster, node, etcd, config):
        self.cluster, self.node = cluster, node
        self.tree = lib.Tree()
        self.place = cluster.network.add() if cluster.network else None
        first = next(iter(cluster.hosts.values())).k3s if cluster.hosts else None
        where = {"netns": self.place.pid, "port": 6443} if self.place else {}
        self.k3s = K3sStandin(self.tree.path, node, join=first, etcd=etcd, **where)
        self.tree.write("etc/rancher/k3s/config.yaml.d/00-host.yaml", f"log: /{LOG}\n{config}")
        self.prefix = self.place.prefix if self.place else []
        self.agent = lib.Agent(self.tree, prefix=self.prefix)
        self.systemd, self.stopped = None, False
        self.starts = []  # what each of K3s's processes was started with

    def start(self, **configuration):
        socket_path = self.tree / "run/dbus/system_bus_socket"
        socket_path.parent.mkdir(parents=True)
        (self.tree / LOG).parent.mkdir(parents=True)
        self.systemd = subprocess.Popen(
            [*self.prefix, SYSTEMD, socket_path, "k3s.service", self.tree / "k3s-notify", self.tree / LOG, sys.executable, PROXY,
             self.cluster.socket, self.node], stdout=subprocess.PIPE, text=True)
        lib.wait_for("K3s", self.k3s.running)
        if configuration:
            self.tree.configure(name=self.node, role="server", **configuration)
            self.agent.start()
        return self

    def stop(self):
        self.agent.stop()
        self.stopped = True
        if self.systemd:
            self.systemd.terminate()
            self.systemd.communicate()
            self.systemd = None
        with self.cluster.lock:
            self.k3s.stop()
        self.tree.remove()

    def restarts(self):
        """How often K3s was begun, besides its first time."""
        return len(self.starts) - 1

    def shown(self):
        return self.agent.status().get("k3s", {}).get("restart", {})

    def wait_state(self, state, seconds=90):
        lib.wait_for(f"K3s on {self.node} to be {state!r}; it is {self.shown()}\n{self.agent.log.read_text()[-3000:]}",
                     lambda: self.shown().get("state") == state, seconds)
        return self.shown()

    def condition(self, kind):
        return next((c for c in self.agent.status().get("conditions", []) if c["type"] == kind), {})


class Cluster:
    def __init__(self, network=None):
        self.hosts, self.network = {}, network
        self.tree = lib.Tree()
        self.socket = self.tree / "control"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.socket))
        self.server.listen()
        self.lock = threading.Lock()  # of starts and stops, as the stand-ins are not meant to be started at once
        threading.Thread(target=self.accept, daemon=True).start()

    def add(self, node, etcd=False, config=""):
        self.hosts[node] = Host(self, node, etcd, config)
        return self.hosts[node]

    def stop(self):
        for host in self.hosts.values():
            host.stop()
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)  # else accept() would go on waiting, on whatever has its number next
        self.server.close()
        self.tree.remove()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile() as said:
            host = self.hosts[said.readline().strip()]
            tell = lambda text: connection.sendall(text.encode())  # noqa: E731
            tell(line("info", "Starting k3s v1.34.3+k3s1 (stand-in)"))
            k3s = host.k3s
            k3s.log = lambda level, text: tell(line(level, text))
            host.starts.append((host.tree / "etc/rancher/k3s").joinpath("config.yaml").exists())
            try:
                with self.lock:
                    if host.stopped:
                        return None
                    k3s.start()
            except k3s_config.Fatal as error:
                return tell(line("fatal", str(error)) + "exit 1\n")
            except k3s_config.Shutdown as error:
                if error.ready:
                    tell("ready\n")
                    time.sleep(0.5)
                return tell(line("error", f"Shutdown request received: {error}") + "exit 0\n")
            tell("ready\n")
            with contextlib.suppress(OSError):
                said.read()  # until the process is ended
            k3s.log = lambda level, text: None
            with self.lock:
                k3s.stop()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait(10)
