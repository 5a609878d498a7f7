"""Real K3s servers with embedded etcd, each on a host of its own (network.py): a tree with a bedplated and a systemd with the
unit k3s.service (fake_systemd.h), K3s behind it. They run without their agents, so the kubelets' part of the Nodes is done
here (Kubelets); all else, the etcd labels and EtcdIsVoter included, is K3s's own. To be used inside k3s_server.prepare().
"""

import contextlib
import http.client
import os
import subprocess
import threading

import agent as lib
import k3s_config
import k3s_server
from k3s_standin import moment
from kube_api import namespace
from kube_client import Client

CONFIG = "etc/rancher/k3s/config.yaml"
KUBECONFIG = "etc/rancher/k3s/k3s.yaml"
LOG = "var/log/k3s.log"


class Host:
    def __init__(self, network, node, first=None):
        """first: the Host whose cluster it joins."""
        self.node, self.place, self.tree = node, network.add(), lib.Tree("/run")
        self.agent = lib.Agent(self.tree, prefix=self.place.prefix)
        self.home = self.tree.path.parent / (self.tree.path.name + "-home")
        self.home.mkdir()
        self.started_with, self.all_starts = self.home / "config.yaml", self.home / "starts"
        self.log = self.tree.write(LOG, "")
        self.tree.write(CONFIG, "debug: false\n")
        (self.tree / "run/dbus").mkdir(parents=True)
        (self.tree / k3s_server.DATA / "server/manifests").mkdir(parents=True)
        self.tree.write("etc/systemd/system/k3s.service", f"[Service]\nExecStart=/usr/local/bin/k3s server --log /{LOG}\n")
        self.join = ["--server", f"https://{first.place.address}:6443"] if first else ["--cluster-init"]
        self.systemd = None

    def start(self):
        command = [k3s_server.K3S, "server", "--config", self.tree / CONFIG, "--write-kubeconfig", self.tree / KUBECONFIG,
                   "--node-name", self.node, *self.join,
                   *k3s_server.arguments(self.tree / k3s_server.DATA, self.place.address, 6443)]
        # What it is started with is what stood there at that moment.
        script = f'cp "{self.tree / CONFIG}" "{self.started_with}" && cat "{self.tree / CONFIG}" >>"{self.all_starts}" && exec "$@"'
        self.systemd = subprocess.Popen(
            # K3s that is told to end while it compares its etcd with the others spins and logs until it is killed.
            [*self.place.prefix, lib.BUILD / "tests/fake-systemd", "--stop-after", "3", self.tree / "run/dbus/system_bus_socket", "k3s.service",
             self.tree / "k3s-notify", self.log, "/bin/sh", "-c", script, "k3s", *command],
            env=dict(os.environ, HOME=str(self.home)), stdout=subprocess.PIPE, text=True)
        lib.wait_for(f"K3s on {self.node}", self.answers, 240, every=1)
        return self

    def starts_with(self, text):
        """How often K3s was started with this in its configuration; it also ends and starts of itself, if etcd is slow."""
        return self.all_starts.read_text().count(text)

    def client(self):
        return Client(self.tree / KUBECONFIG)

    def ask(self, path):
        """The answer of this server's API; None without one."""
        with contextlib.suppress(OSError, http.client.HTTPException), namespace(f"/proc/{self.place.pid}/ns/net"):
            return self.client().get(path)
        return None

    def answers(self):
        ready = self.ask("/readyz")
        return ready is not None and ready.status == 200

    def shown(self):
        return self.agent.status().get("k3s", {}).get("restart", {})

    def stop(self):
        self.agent.stop()
        if self.systemd:
            self.systemd.terminate()
            self.systemd.communicate()


class Kubelets:
    """Registers a Node for each host whose K3s answers, and says that it is Ready as long as it does."""

    EVERY = 3.0

    def __init__(self, hosts):
        self.hosts, self.ended = hosts, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        for host in hosts:
            lib.wait_for(f"Node {host.node} to be Ready and a voter", lambda h=host: self.well(h), 180, every=1)

    @staticmethod
    def well(host):
        node = host.ask(f"/api/v1/nodes/{host.node}")
        conditions = node.json["status"].get("conditions", []) if node and node.status == 200 else []
        return {"Ready", "EtcdIsVoter"} <= {c["type"] for c in conditions if c["status"] == "True"}

    def stop(self):
        self.ended.set()
        self.thread.join(30)

    def run(self):
        while not self.ended.wait(self.EVERY):
            for host in self.hosts:
                with contextlib.suppress(OSError, http.client.HTTPException), namespace(f"/proc/{host.place.pid}/ns/net"):
                    self.beat(host, host.client())

    def beat(self, host, client):
        if client.get("/readyz").status != 200:
            return
        kept, _ = k3s_config.strip("server", k3s_config.read(host.started_with))
        annotations = k3s_config.node_annotations(["server", "--log", f"/{LOG}", *kept], {})
        body = {"metadata": {"name": host.node, "labels": {"kubernetes.io/hostname": host.node}, "annotations": annotations}}
        if client.patch(f"/api/v1/nodes/{host.node}", body).status == 404:
            client.post("/api/v1/nodes", dict(body, apiVersion="v1", kind="Node"))
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                 "lastHeartbeatTime": moment()}
        client.patch(f"/api/v1/nodes/{host.node}/status", {"status": {"conditions": [ready]}},
                     "application/strategic-merge-patch+json")
