#!/usr/bin/env python3
"""Manifests where there are several servers: one of them writes, and none brings back what is over. With the stand-in."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from deploy_contract import yaml_map  # noqa: E402
from k3s_standin import DATA, KUBECONFIG, K3sStandin  # noqa: E402
from kube_client import Client  # noqa: E402
from manifest_node import BASE, MAPS, OURS, Node  # noqa: E402


class SeveralServers(Node, unittest.TestCase):
    """One of them writes; a server that was away brings nothing back."""

    scan = 0.2
    WRITER = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nk3s:\n  manifests: {writer: %s}\n"

    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.server = K3sStandin(self.tree.path, "web-01", interval=self.scan, etcd=True).start()
        self.addCleanup(self.server.stop)
        self.kubeconfig = self.tree / KUBECONFIG
        (self.tree / DATA / "server/db/etcd/member").mkdir(parents=True)

    def begin(self):
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.bus = lib.Bus()
        self.addCleanup(self.bus.stop)
        self.agent = lib.Agent(self.tree, self.bus)
        self.addCleanup(self.agent.stop)
        self.client = Client(self.kubeconfig)
        self.tree.configure(self.repository)

    def test_without_a_writer_nothing_is_placed(self):
        self.begin()
        self.repository.commit(BASE, "base")
        self.agent.start()
        self.wait("the problem", lambda: ((self.agent.status().get("source") or {}).get("problem") or {}).get("reason")
                  == "WriterNeeded")
        self.assertEqual(self.tree.files(OURS), [])
        self.commit({"node.yaml": self.WRITER % "web-01"})
        self.await_states(lambda states: set(states.values()) == {"accepted"})

    def test_another_writer_takes_over_and_nothing_goes(self):
        self.begin()
        self.repository.commit(dict(BASE, **{"node.yaml": self.WRITER % "web-01"}), "base")
        self.agent.start()
        self.await_states(lambda states: set(states.values()) == {"accepted"})
        before = [self.uid(f"{MAPS}/base-{i}") for i in range(6)]
        self.commit({"node.yaml": self.WRITER % "web-02", "manifests/base-0.yaml": None})
        # What leaves Git with the same commit is still removed by the one that held it.
        self.wait("the others to be handed over", lambda: len(self.tree.files(OURS)) <= 1)
        self.wait("base-0 to go", lambda: self.uid(f"{MAPS}/base-0") is None)
        self.wait("nothing to be left", lambda: self.tree.files(OURS) == [])
        self.assertEqual([self.uid(f"{MAPS}/base-{i}") for i in range(1, 6)], before[1:])

    def test_after_a_boot_old_manifests_wait_for_git(self):
        self.begin()
        self.repository.commit(dict(BASE, **{"node.yaml": self.WRITER % "web-01"}), "base")
        self.agent.start()
        self.await_states(lambda states: set(states.values()) == {"accepted"})
        self.agent.stop()
        self.server.stop()
        # Away: others have changed what it held, and Git says so; then it boots, and Git cannot be reached.
        for later in range(10):
            new = {f"manifests/base-{i}.yaml": yaml_map(f"base-{i}", x="new" if later == 9 else later) for i in range(6)}
            self.repository.commit(new, f"{later}")
        for i in range(6):
            self.server.store.patch("configmaps", f"base-{i}", {"data": {"x": "new"}}, "default")
        self.tree.write("proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n")
        away = self.repository.remote.rename(self.repository.remote.with_name("away.git"))
        self.agent.start()
        self.server.start()
        self.wait("some passes of K3s", lambda: self.server.controller.passes > 3)
        self.assertEqual(self.tree.files(OURS), [])
        self.assertEqual(set(self.states().values()), {"parked"})
        self.assertEqual({self.client.get(f"{MAPS}/base-{i}").json["data"]["x"] for i in range(6)}, {"new"})
        away.rename(self.repository.remote)
        self.assertEqual(self.cli("sync")[0], 0)
        self.await_states(lambda states: set(states.values()) == {"accepted"})
        self.assertEqual({self.client.get(f"{MAPS}/base-{i}").json["data"]["x"] for i in range(6)}, {"new"})
        self.assertEqual(self.agent.status()["drift"]["total"], 0)

    def test_after_a_boot_a_rollback_that_holds_does_not_keep_them_away(self):
        self.begin()
        self.repository.commit(dict(BASE, **{"node.yaml": self.WRITER % "web-01"}), "base")
        self.agent.start()
        self.await_states(lambda states: set(states.values()) == {"accepted"})
        self.commit({"manifests/base-0.yaml": yaml_map("base-0", x="new")})
        self.assertEqual(self.cli("rollback")[0], 0)
        self.agent.stop()
        self.tree.write("proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n")
        self.agent.start()
        self.await_states(lambda states: len(states) == 6 and set(states.values()) == {"accepted"})
        self.assertEqual(self.agent.status()["drift"]["total"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
