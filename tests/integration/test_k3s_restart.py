#!/usr/bin/env python3
"""K3s is restarted when its configuration changed, confirmed, or taken back: against the stand-in behind a unit of its own
(tests/lib/k3s_host.py), with one server and with three on a network of theirs.
"""

import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_host  # noqa: E402
import network  # noqa: E402

CONFIG = "etc/rancher/k3s/config.yaml"
LEASE = ("leases.coordination.k8s.io", "bedplate-k3s-restart", "kube-system")
BAD = "kubelet-arg: [no-such-flag=1]\n"
LINE = "Shutdown request received: kubelet exited: failed to parse kubelet flag: unknown flag: --no-such-flag"


def node_yaml(restart="{}", timeout="12s"):
    return ("apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
            f"k3s:\n  restart: {restart}\n  confirm: {{timeout: {timeout}}}\n")


class Case(unittest.TestCase):
    etcd = False

    def setUp(self):
        self.cluster = k3s_host.Cluster(self.network())
        self.addCleanup(self.cluster.stop)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.repository.commit({"node.yaml": node_yaml(), "k3s/config.yaml": "debug: false\n"}, "first")

    def network(self):
        return None

    def add(self, node):
        return self.cluster.add(node, etcd=self.etcd).start(repository=self.repository, interval="2s")

    def settle(self, *hosts):
        """K3s runs on what Git says, everywhere."""
        for host in hosts:
            lib.wait_for(f"{host.node} to run on the first commit; {host.shown()}\n{host.agent.log.read_text()[-2000:]}",
                         lambda h=host: self.args(h).get("--debug") == "false" and h.condition("K3sConfigured").get("status")
                         == "True" and not h.shown().get("state"), 90)

    def args(self, host):
        args = json.loads(host.k3s.store.get("nodes", host.node)["metadata"]["annotations"]["k3s.io/node-args"])
        return dict(zip(args[1::2], args[2::2]))

    def lease(self, host):
        lease = host.k3s.store.get(*LEASE)
        return lease["spec"]["holderIdentity"], json.loads(lease["metadata"]["annotations"]["bedplate.dev/trial"])

    def wait_told(self, host, outcome):
        lib.wait_for(f"the lease to be free, and {outcome}", lambda: self.lease(host)[0] == "" and
                     self.lease(host)[1]["outcome"] == outcome, 60)


class OneServer(Case):
    def setUp(self):
        super().setUp()
        self.host = self.add("server-1")
        self.settle(self.host)
        self.before = self.host.restarts()

    def restarts(self):
        return self.host.restarts() - self.before

    def test_a_change_is_read_and_a_comment_is_none(self):
        self.assertEqual(self.before, 1)  # the first commit
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "debug")
        lib.wait_for("K3s to read it", lambda: self.args(self.host).get("--debug") == "true", 60)
        self.wait_told(self.host, "confirmed")
        self.assertEqual(self.restarts(), 1)
        self.repository.commit({"k3s/config.yaml": "# for the audit\ndebug: true\n"}, "a comment")
        lib.wait_for("the comment", lambda: self.host.tree.read(CONFIG).startswith("#"))
        time.sleep(17)  # a look is each 15 s
        self.assertEqual(self.restarts(), 1)
        self.assertEqual(self.host.shown()["state"], "")
        self.assertIn("K3s is up on the configuration of commit", self.host.agent.log.read_text())

    def test_a_bad_flag_comes_back_and_says_why(self):
        commit = self.repository.commit({"k3s/config.yaml": BAD, "sysctl.d/a.conf": "vm.swappiness = 10\n"}, "bad flag")
        self.host.tree.sysctl("vm.swappiness", "60")
        shown = self.host.wait_state("rolled-back")
        self.assertEqual((shown["line"], shown["commit"]), (LINE, commit))
        self.assertEqual(self.host.tree.read(CONFIG), "debug: false\n")
        self.assertEqual(self.args(self.host).get("--debug"), "false")
        self.assertEqual(self.host.tree.sysctl("vm.swappiness"), "10")  # the rest of the commit stays
        self.assertEqual(self.host.condition("K3sConfigured")["reason"], "RolledBack")
        status = self.host.agent.cli("status")
        self.assertEqual(status.returncode, 2, status.stdout)
        self.assertIn("unknown flag: --no-such-flag", " ".join(status.stdout.split()))
        self.wait_told(self.host, "rolled-back")
        count = self.host.restarts()
        # A rebased copy is as bad; it is not tried again.
        self.repository.commit({"k3s/config.yaml": None}, "without")
        lib.wait_for("nothing of Git", lambda: not (self.host.tree / CONFIG).exists(), 30)
        self.repository.commit({"k3s/config.yaml": BAD}, "the same again")
        self.host.wait_state("rolled-back")
        time.sleep(3)
        self.assertNotIn("no-such-flag", (self.host.tree / "etc/rancher/k3s").joinpath("config.yaml").read_text()
                         if (self.host.tree / CONFIG).exists() else "")
        self.assertLessEqual(self.host.restarts(), count + 1)  # for what has left Git
        # What is right is tried.
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "right")
        lib.wait_for("K3s to read it", lambda: self.args(self.host).get("--debug") == "true", 60)
        self.host.wait_state("")

    def test_never_and_a_closed_window_have_a_name(self):
        for restart, reason, why in (("{mode: never}", "Never", "k3s.restart.mode is never"),
                                     (self.closed_window(), "Window", "the window opens at ")):
            self.repository.commit({"node.yaml": node_yaml(restart), "k3s/config.yaml": f"debug: true\nnode-label: [a={reason}]\n"},
                                   reason)
            lib.wait_for(f"{reason}: {self.host.shown()}", lambda r=reason: self.host.shown().get("reason") == r, 60)
            self.assertIn(why, self.host.shown()["why"])
            self.assertIn("debug: false -> true", self.host.shown()["keys"])
            status = self.host.agent.cli("status")
            self.assertEqual(status.returncode, 1, status.stdout)
            self.assertIn("changed on disk, not restarted", status.stdout)
        self.assertEqual(self.restarts(), 0)

    @staticmethod
    def closed_window():
        day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][(time.gmtime().tm_wday + 3) % 7]
        return f'{{mode: window, window: {{days: [{day}], from: "02:00", to: "04:00"}}}}'

    def test_without_the_api_there_is_no_restart(self):
        self.host.k3s.api.fail("500")
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "debug")
        lib.wait_for("NoApi", lambda: self.host.shown().get("reason") == "NoApi", 60)
        time.sleep(17)
        self.assertEqual(self.restarts(), 0)
        self.host.k3s.api.fail(None)
        lib.wait_for("K3s to read it", lambda: self.args(self.host).get("--debug") == "true", 60)

    def test_killed_on_the_way_it_comes_to_the_end(self):
        for state in ("restarting", "going-back"):
            self.repository.commit({"k3s/config.yaml": f"{BAD}node-label: [a={state}]\n"}, state)
            self.host.wait_state(state)
            k3s_host.kill(self.host.agent.process)
            self.host.agent.start()
            self.host.wait_state("rolled-back")
            self.assertEqual(self.host.tree.read(CONFIG), "debug: false\n")
            self.wait_told(self.host, "rolled-back")


@unittest.skipIf(network.missing(), f"SKIPPED: {network.missing()}")
class ThreeServers(Case):
    etcd = True

    def network(self):
        made = network.Network()
        self.addCleanup(made.stop)
        return made

    def test_one_bad_flag_takes_exactly_one(self):
        hosts = [self.add(f"server-{i}") for i in (1, 2, 3)]
        self.settle(*hosts)
        for host in hosts:
            self.assertEqual(host.restarts(), 1, host.node)  # each in its turn, for the first commit
        self.repository.commit({"k3s/config.yaml": BAD}, "bad flag")
        for host in hosts:
            host.wait_state("rolled-back", 120)
        time.sleep(16)  # one more look of each
        touched = [host for host in hosts if host.restarts() > 1]
        self.assertEqual(len(touched), 1, [h.starts for h in hosts])
        for host in hosts:
            self.assertEqual(host.tree.read(CONFIG), "debug: false\n")
            self.assertTrue(host.k3s.running())
            self.assertIn("no-such-flag", host.shown()["line"] + host.shown()["why"])
            if host not in touched:
                self.assertIn(f"it failed on {touched[0].node}", host.shown()["why"])
        holder, trial = self.lease(hosts[0])
        self.assertEqual((holder, trial["node"], trial["outcome"]), ("", touched[0].node, "rolled-back"))

    def test_nobody_restarts_while_another_server_is_away(self):
        hosts = [self.add(f"server-{i}") for i in (1, 2, 3)]
        self.settle(*hosts)
        hosts[2].k3s.set_ready(None)
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "debug")
        for host in hosts[:2]:
            lib.wait_for(f"{host.node} to wait; {host.shown()}", lambda h=host: h.shown().get("reason") == "Servers", 60)
            self.assertIn("server server-3 is not Ready", host.shown()["why"])
        self.assertEqual([host.restarts() for host in hosts[:2]], [1, 1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
