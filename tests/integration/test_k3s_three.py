#!/usr/bin/env python3
"""Three real K3s servers with one etcd and one bad flag: exactly one of them restarts, and takes it back.

Needs K3S_BIN (or k3s on PATH) and root, see tests/lib/k3s_server.py.
"""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_cluster  # noqa: E402
import k3s_server  # noqa: E402
import network  # noqa: E402

NODE_YAML = ("apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
             "k3s: {confirm: {timeout: 120s}, manifests: {writer: server-1}}\n")


class ThreeServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = network.Network()
        cls.addClassCleanup(cls.network.stop)
        cls.hosts = []
        for i in (1, 2, 3):
            cls.hosts.append(k3s_cluster.Host(cls.network, f"server-{i}", cls.hosts[0] if cls.hosts else None))
            cls.addClassCleanup(cls.hosts[-1].stop)
            cls.hosts[-1].start()
        cls.kubelets = k3s_cluster.Kubelets(cls.hosts)
        cls.addClassCleanup(cls.kubelets.stop)
        cls.repository = lib.Repository("/run")
        cls.repository.commit({"node.yaml": NODE_YAML, "k3s/config.yaml": "debug: false\n"}, "first")
        for host in cls.hosts:
            host.tree.configure(cls.repository, name=host.node, interval="2s")
            host.agent.start()

    def wait(self, host, what, check, seconds=400):
        try:
            lib.wait_for(what, check, seconds, every=0.5)
        except AssertionError as error:
            lease = host.ask("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/bedplate-k3s-restart")
            told = "".join(f"\n{h.node} {h.shown()}\n{h.agent.log.read_text()[-1500:]}" for h in self.hosts)
            raise AssertionError(f"{host.node}: {error}{told}\n{lease and lease.text}") from None

    def test_one_bad_flag_takes_exactly_one(self):
        for host in self.hosts:
            self.wait(host, "K3s as Git has it", lambda h=host: self.quiet(h))
        self.repository.commit({"k3s/config.yaml": "debug: false\nkube-apiserver-arg: [no-such-flag=1]\n"}, "bad")
        for host in self.hosts:
            self.wait(host, "to have gone back", lambda h=host: h.shown().get("state") == "rolled-back")
        time.sleep(17)  # one more look of each
        touched = [host for host in self.hosts if host.starts_with("no-such-flag")]
        self.assertEqual(len(touched), 1, [(h.node, h.shown()) for h in self.hosts])
        self.assertIn("unknown flag: --no-such-flag", touched[0].shown()["line"])
        for host in self.hosts:
            self.assertEqual(host.tree.read(k3s_cluster.CONFIG), "debug: false\n")
            self.wait(host, "K3s to answer", host.answers)
            if host is not touched[0]:
                self.assertIn(f"it failed on {touched[0].node}", host.shown()["why"])
        # What is right goes round.
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "good")
        for host in self.hosts:
            self.wait(host, "K3s on the good one", lambda h=host: "debug: true" in h.started_with.read_text() and self.quiet(h))

    @staticmethod
    def quiet(host):
        conditions = {c["type"]: c["status"] for c in host.agent.status().get("conditions", [])}
        return conditions.get("K3sConfigured") == "True" and not host.shown().get("state")


def main():
    if k3s_server.inside():
        k3s_server.prepare()
        unittest.main(verbosity=2)
    why = k3s_server.missing() or network.missing()
    if why:
        print(f"SKIPPED: three servers of a real K3s: {why}", flush=True)
        return 77
    return k3s_server.go_inside()


if __name__ == "__main__":
    sys.exit(main())
