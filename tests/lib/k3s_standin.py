#!/usr/bin/env python3
"""A stand-in for a K3s server: its configuration, its API, its Node, its deploy controller; no containers.

In a test: K3sStandin(root) below a tree that stands for a host; K3sStandin(other_root, "server-2", join=first) for one more.

As a program, for a unit: k3s_standin.py [--root DIR] [--node NAME] [--interval SECONDS] server [K3S ARGUMENT...]
reads etc/rancher/k3s/config.yaml below DIR, keeps its state in var/lib/rancher/k3s, and says READY=1 to systemd.
"""

import argparse
import datetime
import os
import pathlib
import re
import signal
import socket
import sys
import threading
import uuid

import k3s_config
from deploy_controller import DeployController
from kube_api import KubeApi
from kube_kinds import ApiError

DATA = "var/lib/rancher/k3s"
CONFIG = "etc/rancher/k3s/config.yaml"
KUBECONFIG = "etc/rancher/k3s/k3s.yaml"
METRICS = [f"metrics-server/{n}" for n in ("aggregated-metrics-reader", "auth-delegator", "auth-reader", "metrics-apiservice",
                                           "metrics-server-deployment", "metrics-server-service", "resource-reader")]
PACKAGED = ("ccm", "coredns", "local-storage", "rolebindings", "runtimes", "traefik", *METRICS)


def moment():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class K3sStandin:
    """One server. start() raises k3s_config.Fatal or Shutdown where K3s would end, and then nothing runs."""

    def __init__(self, root, node="server-1", join=None, interval=0.2, etcd=False, packaged=(), log=None, port=0, netns=None,
                 persistent=False):
        """join: another K3sStandin, of whose cluster this is one more server, with an API of its own over the same objects.
        packaged: of PACKAGED, what it stages at each start. log: (level, text). port: of its API; 0 for a free one, None for
        the configured one. netns: see KubeApi. persistent: what it holds survives the process."""
        self.root, self.node, self.interval, self.etcd, self.packaged = pathlib.Path(root), node, interval, etcd, packaged
        self.log = log or (lambda level, text: None)
        self.manifests = self.root / DATA / "server/manifests"
        self.port = port
        self.api = KubeApi(self.root / DATA / "server/standin", port or 0, join and join.api, netns, persistent)
        self.store = self.api.store
        self.controller = None
        self.starts = 0

    def start(self, arguments=()):
        """arguments: of the command line, after "server"."""
        from_files = k3s_config.read(self.root / CONFIG)
        kept, unknown = k3s_config.strip("server", from_files)
        for name in unknown:
            self.log("warning", f"Unknown flag {name} found in config.yaml, skipping\n")
        values, failing = k3s_config.check("server", [*kept, *arguments])
        if failing and not failing.ready:
            raise failing
        self.starts += 1
        if self.port is None:
            self.api.port = int(values.get("https-listen-port", ["6443"])[-1])
        self.api.start()
        mode = values.get("write-kubeconfig-mode", ["600"])[-1]
        octal = re.fullmatch("0?[0-7]{3}", mode)  # 0640 without quotes is the number 416 by then
        self.api.write_kubeconfig(self.root / KUBECONFIG, mode=int(mode, 8) if octal else 0o600)
        self.register(["server", *kept, *arguments])
        (self.root / DATA / "server/tls").mkdir(parents=True, exist_ok=True)  # where K3s keeps its certificates
        disables = {d for v in values.get("disable", []) for d in v.split(",")}
        self.stage(disables)
        self.controller = DeployController(self.store, self.manifests, self.node, self.interval, disables, log=self.log).start()
        if failing:  # when the API is there: by then manifests may have been applied
            self.stop()
            raise failing
        return self

    def stop(self):
        """Its Node stays as it is: set_ready(None) is what the others would say of it after a while."""
        if self.controller:
            self.controller.stop()
            self.controller = None
        self.api.down()

    def restart(self):
        """Reads the configuration anew, and applies all manifests once by force."""
        self.stop()
        return self.start()

    def running(self):
        return self.controller is not None

    def stage(self, disables):
        self.manifests.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in self.packaged:
            # Since K3s embeds them itself, of what is disabled only folders are not written: the controller removes the rest.
            if "/" in name and name.split("/")[0] in disables:
                continue
            file = self.manifests / f"{name}.yaml"
            file.parent.mkdir(exist_ok=True, mode=0o700)
            file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
                            f"  name: packaged-{file.stem}\n  namespace: kube-system\n")
            file.chmod(0o600)

    # The Node, and what the kubelet and the controllers say of it

    def register(self, arguments):
        labels = {"kubernetes.io/hostname": self.node, "node-role.kubernetes.io/control-plane": "true"}
        if self.etcd:
            labels["node-role.kubernetes.io/etcd"] = "true"
        meta = {"labels": labels, "annotations": k3s_config.node_annotations(arguments, os.environ)}
        try:
            self.store.patch("nodes", self.node, {"metadata": meta}, manager="k3s")
        except ApiError:
            system = {"bootID": str(uuid.uuid4()), "kubeletVersion": "v1.34.3+k3s1"}
            self.store.create("nodes", {"metadata": {"name": self.node, **meta}, "status": {"nodeInfo": system}}, "k3s")
        self.set_ready(True)
        if self.etcd:
            self.set_condition("EtcdIsVoter", "True", "MemberNotLearner", "Node is a voting member of the etcd cluster")

    def set_ready(self, ready):
        """True, False, or None: the node controller has not heard of the kubelet for too long."""
        status, reason, message = {
            True: ("True", "KubeletReady", "kubelet is posting ready status"),
            False: ("False", "KubeletNotReady", "container runtime network not ready"),
            None: ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        }[ready]
        self.set_condition("Ready", status, reason, message)

    def set_condition(self, kind, status, reason, message):
        with self.store.lock:
            conditions = self.store.get("nodes", self.node).get("status", {}).get("conditions", [])
            old = next((c for c in conditions if c["type"] == kind), {})
            since = old["lastTransitionTime"] if old.get("status") == status else moment()
            new = {"type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": moment(),
                   "lastTransitionTime": since}
            rest = [c for c in conditions if c["type"] != kind]
            self.store.patch("nodes", self.node, {"status": {"conditions": [*rest, new]}}, manager="k3s", subresource="status")


def say(level, text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    print(f'time="{moment()}" level={level} msg="{escaped}"', file=sys.stderr, flush=True)


def notify(text):
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(text.encode(), "\0" + where[1:] if where[0] == "@" else where)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    parser.add_argument("--node", default=socket.gethostname())
    parser.add_argument("--interval", type=float, default=15.0)
    parser.add_argument("--etcd", action="store_true")
    parser.add_argument("role", choices=("server",))
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    say("info", "Starting k3s v1.34.3+k3s1 (stand-in)")
    server = K3sStandin(options.root, options.node, interval=options.interval, etcd=options.etcd, packaged=PACKAGED, log=say,
                        port=None, persistent=True)
    try:
        server.start(options.arguments)
    except k3s_config.Fatal as error:
        say("fatal", str(error))
        return 1
    except k3s_config.Shutdown as error:
        if error.ready:
            notify("READY=1\n")
        say("error", f"Shutdown request received: {error}")
        return 0
    say("info", "k3s is up and running")
    notify("READY=1\n")
    ended.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
