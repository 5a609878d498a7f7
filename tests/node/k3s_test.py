"""Bedplate and K3s on one node, K3s behind the unit that its installer writes: the binary that K3S_BIN names (without its
agent: no containers in here), else the stand-in (tests/lib/k3s_standin.py). One story, in order.
"""

import json
import os
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIB = HERE.parent / "lib"
sys.path[:0] = [str(HERE), str(LIB)]
import agent  # noqa: E402
import node as nodes  # noqa: E402
from node import wait_for  # noqa: E402
from node_test import APT, package  # noqa: E402
from words import Story  # noqa: E402

REAL = os.environ.get("K3S_BIN")
MANIFESTS = "/var/lib/rancher/k3s/server/manifests/bedplate"
STANDIN = "/usr/local/lib/k3s-standin"
# As install.sh writes it.
UNIT = """[Unit]
Description=Lightweight Kubernetes
Wants=network-online.target
After=network-online.target
[Install]
WantedBy=multi-user.target
[Service]
Type=notify
KillMode=process
Delegate=yes
LimitNOFILE=1048576
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart={start}
"""
NODE_YAML = """apiVersion: bedplate.dev/v1alpha1
kind: NodeConfig
k3s:
  confirm: {timeout: 60s}
"""
REAL_CONFIG = """bind-address: 127.0.0.1
advertise-address: 127.0.0.1
node-ip: 127.0.0.1
egress-selector-mode: disabled
disable: [coredns, traefik, servicelb, local-storage, metrics-server]
flannel-backend: none
disable-network-policy: true
disable-cloud-controller: true
disable-helm-controller: true
disable-kube-proxy: true
disable-scheduler: true
"""
CONFIG = "write-kubeconfig-mode: \"0600\"\n" + (REAL_CONFIG if REAL else "")


def config_map(name, x):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{x: \"{x}\"}}\n"


class K3s(Story):
    units = ("bedplated", "k3s")

    @classmethod
    def setUpClass(cls):
        cls.node = nodes.Node()
        cls.addClassCleanup(cls.node.remove)
        shutil.copy(package(), cls.node.file("root/bedplate.deb"))
        cls.node.fetch_packages("/root/bedplate.deb", "python3-yaml", "openssl", "iproute2")
        shutil.copytree(LIB, cls.node.file(STANDIN), ignore=shutil.ignore_patterns("__pycache__"))
        start = f"/usr/bin/python3 {STANDIN}/k3s_standin.py --interval 2 --node web-01 server"
        if REAL:
            shutil.copy(REAL, cls.node.file("usr/local/bin/k3s"))
            start = "/usr/local/bin/k3s server --disable-agent --token test --kube-controller-manager-arg secure-port=0"
        cls.node.write("etc/systemd/system/k3s.service", UNIT.format(start=start))
        cls.node.write("etc/rancher/k3s/config.yaml", CONFIG, 0o600)
        cls.node.write("etc/gitconfig", "[safe]\n\tdirectory = *\n")
        cls.node.boot()
        cls.node.run(*APT, "install", "/root/bedplate.deb", "python3-yaml", "openssl")
        cls.repository = agent.Repository(base=cls.node.file("srv"))
        cls.in_node = "/" + str(cls.repository.remote.relative_to(cls.node.path))

    def states(self, status):
        return {m["file"]: m["state"] for m in (status["k3s"]["deployed"] or {}).get("manifests", [])}

    def ask(self, path):
        """What K3s's API says, as the administrator in the node: status and JSON."""
        text = self.node.run("python3", "-c", f"import sys, json; sys.path.insert(0, '{STANDIN}'); import kube_client; "
                             f"a = kube_client.Client('/etc/rancher/k3s/k3s.yaml').get('{path}'); "
                             "print(a.status); print(a.text)")
        status, _, body = text.partition("\n")
        return int(status), json.loads(body) if body.startswith("{") else body.strip()

    def test_01_k3s_and_bedplate_run(self):
        self.node.run("systemctl", "enable", "--now", "k3s.service", seconds=180)
        self.repository.commit({"node.yaml": NODE_YAML, "k3s/config.yaml": CONFIG,
                                **{f"manifests/base-{i}.yaml": config_map(f"base-{i}", 1) for i in range(3)}}, "first")
        self.node.write("etc/bedplate/bedplate.conf.d/10-test.conf",
                        f"[repository]\nurl = file://{self.in_node}\npath = {self.repository.directory}\ninterval = 5s\n"
                        "[node]\nmode = enforce\n")
        self.node.run("systemctl", "reload", "bedplated.service")
        self.status_with("three manifests accepted", lambda s: list(self.states(s).values()) == ["accepted"] * 3, 120)
        self.assertEqual(self.node.failed_units(), "")

    def test_02_a_manifest_arrives_and_leaves(self):
        self.repository.commit({"manifests/app.yaml": config_map("app", "hello")}, "app")
        self.status_with("app accepted", lambda s: self.states(s).get("manifests/app.yaml") == "accepted", 90)
        self.assertIn("4 accepted", self.node.try_run("bedplate", "status").stdout)
        self.assertEqual(self.ask("/api/v1/namespaces/default/configmaps/app")[1]["data"], {"x": "hello"})
        self.repository.commit({"manifests/app.yaml": None}, "without app")
        self.status_with("app gone", lambda s: "manifests/app.yaml" not in self.states(s), 120)
        self.assertEqual(self.ask("/api/v1/namespaces/default/configmaps/app")[0], 404)
        wait_for("the Addon to go", lambda: not [
            a for a in self.ask("/apis/k3s.cattle.io/v1/namespaces/kube-system/addons")[1]["items"]
            if a["metadata"]["name"].startswith("app-")], 60)

    def test_03_after_a_reboot_all_is_as_it_was(self):
        self.node.reboot()
        status = self.status_with("all accepted", lambda s: list(self.states(s).values()) == ["accepted"] * 3, 180)
        self.assertEqual(status["drift"]["total"], 0)

    def test_04_a_flag_that_k3s_does_not_know_is_taken_back(self):
        before = self.node.file("etc/rancher/k3s/config.yaml").read_text()
        bad = CONFIG + "kube-apiserver-arg: [no-such-flag=1]\n"
        self.repository.commit({"k3s/config.yaml": bad}, "a bad flag")
        status = self.status_with("it to be taken back", lambda s: s["k3s"]["restart"]["state"] == "rolled-back", 240)
        self.assertIn("no-such-flag", status["k3s"]["restart"]["line"])
        wait_for("the old configuration", lambda: self.node.file("etc/rancher/k3s/config.yaml").read_text() == before, 120)
        wait_for("K3s to be back", lambda: self.node.show("ActiveState", unit="k3s.service")["ActiveState"] == "active", 120)
        self.assertEqual(self.ask("/readyz"), (200, "ok"))
        # The same again is not tried again; something else is.
        self.repository.commit({"k3s/config.yaml": CONFIG + "debug: true\n"}, "a good one")
        wait_for("the good one", lambda: "debug" in self.node.file("etc/rancher/k3s/config.yaml").read_text(), 120)
        self.status_with("K3s to run on it", lambda s: self.condition(s, "K3sConfigured")["status"] == "True", 180)


if __name__ == "__main__":
    unittest.main(verbosity=2)
