#!/usr/bin/env python3
"""The command line with a real repository and worker on a tree, without a daemon: what each verb does and exits with."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

FIRST = {"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 262144\n",
         "manifests/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n"}


class Cli(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        self.tree.sysctl("vm.max_map_count", "65530")
        self.repository.commit(FIRST, "first")
        self.tree.configure(self.repository)
        self.agent = lib.Agent(self.tree)

    def run_cli(self, status, *arguments):
        done = self.agent.cli(*arguments)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}{done.stderr}")
        return done

    def test_diff_before_the_first_sync_shows_the_plan_and_leaves_no_state(self):
        done = self.run_cli(1, "diff")
        self.assertIn("net.ipv4.ip_forward", done.stdout)
        self.assertIn("3 changes for ", done.stdout)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "0")
        self.assertFalse((self.tree / "var/lib/bedplate/state.db").exists())
        plan = json.loads(self.run_cli(1, "diff", "-o", "json").stdout)
        self.assertEqual([c["subject"] for c in plan["changes"]][:2], ["vm.max_map_count", "net.ipv4.ip_forward"])

    def test_sync_then_nothing_to_do(self):
        head = self.repository.run("rev-parse", "HEAD")
        self.assertIn("3 changes, generation 1", self.run_cli(0, "sync").stdout)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")
        self.assertIn("nothing to change", self.run_cli(0, "sync").stdout)
        self.assertIn("nothing to change", self.run_cli(0, "diff").stdout)
        status = json.loads(self.run_cli(3, "status", "-o", "json").stdout)
        self.assertEqual(status["source"]["commit"], head)
        self.assertEqual(status["tuning"]["held"], 2)
        self.assertEqual(status["k3s"]["manifests"], 1)

    def test_diff_of_another_revision(self):
        self.run_cli(0, "sync")
        old = self.repository.run("rev-parse", "HEAD")
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 524288\n"}, "more")
        self.assertIn("262144 -> 524288", self.run_cli(1, "diff").stdout)
        self.assertIn("nothing to change", self.run_cli(0, "diff", old).stdout)
        self.run_cli(2, "diff", "no-such-branch")

    def test_a_broken_commit_fails_with_its_place_and_diff_is_2(self):
        self.run_cli(0, "sync")
        self.repository.commit({"sysctl.d/99-k8s.conf": "kernel.modprobe = /tmp/evil\n"}, "bad")
        done = self.run_cli(1, "sync")
        self.assertTrue(done.stderr.startswith("bedplate: sync: InvalidClusterDirectory: "), done.stderr)
        self.assertIn("sysctl.d/99-k8s.conf:1", done.stderr)
        self.assertIn("kernel.modprobe", self.run_cli(2, "diff").stdout)
        answer = json.loads(self.run_cli(1, "sync", "-o", "json").stdout)
        self.assertEqual(answer["exitStatus"], 1)

    def test_what_k3s_would_see_is_shown_and_what_breaks_a_cluster_refused(self):
        self.tree.write("etc/rancher/k3s/config.yaml", "cluster-cidr: 10.42.0.0/16\n")
        self.repository.commit({"k3s/config.yaml.d/20-git.yaml": "cluster-cidr: 10.52.0.0/16\nnode-label: [a=b]\n"}, "cidr")
        diff = self.run_cli(1, "diff").stdout
        self.assertIn("K3s, at its next start: cluster-cidr: 10.42.0.0/16 -> 10.52.0.0/16\n", diff)
        self.assertIn("K3s, at its next start: node-label: unset -> a=b\n", diff)
        # A server has run here: it is too late for another network.
        self.tree.write("var/lib/rancher/k3s/server/db/state.db", "")
        self.run_cli(2, "diff")
        done = self.run_cli(1, "sync")
        self.assertIn("changes cluster-cidr of a cluster that runs", done.stderr)
        self.assertFalse((self.tree / "etc/rancher/k3s/config.yaml.d").exists())
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "0")
        self.repository.commit({"k3s/config.yaml.d/20-git.yaml": "node-label: [a=b]\n"}, "the label alone")
        self.run_cli(0, "sync")
        self.assertEqual(self.tree.read("etc/rancher/k3s/config.yaml.d/20-git.yaml"), "node-label: [a=b]\n")
        # What somebody writes into our file is drift, and no commit's doing.
        self.tree.write("etc/rancher/k3s/config.yaml.d/20-git.yaml", "cluster-cidr: 10.99.0.0/16\n")
        self.run_cli(0, "sync")
        self.assertEqual(self.tree.read("etc/rancher/k3s/config.yaml.d/20-git.yaml"), "node-label: [a=b]\n")

    def test_observe_plans_and_touches_nothing(self):
        self.tree.configure(self.repository, mode="observe")
        self.assertIn("3 changes not made (mode observe)", self.run_cli(0, "sync").stdout)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "0")
        self.run_cli(1, "rollback")
        (self.tree / "etc/bedplate/bedplate.conf").write_text(
            (self.tree / "etc/bedplate/bedplate.conf").read_text().replace("mode = observe\n", ""))
        self.run_cli(0, "enforce")
        self.run_cli(0, "sync")
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")

    def test_rollback_holds_until_git_says_something_else(self):
        self.run_cli(0, "sync")
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 524288\n"}, "more")
        self.run_cli(0, "sync")
        self.run_cli(0, "rollback")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")
        self.assertIn("Held", self.run_cli(1, "sync").stderr)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 600000\n"}, "again")
        self.run_cli(0, "sync")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "600000")

    def test_explain_names_the_winner_of_the_layers(self):
        self.repository.commit({"nodes/web-01/sysctl.d/50-x.conf": "vm.max_map_count = 300000\n"}, "for one node")
        self.run_cli(0, "sync")
        told = json.loads(self.run_cli(0, "explain", "vm.max_map_count", "-o", "json").stdout)
        self.assertEqual((told["wanted"], told["held"], told["original"]), ("300000", "300000", "65530"))
        self.assertEqual([(s["value"], s["layer"], s["wins"]) for s in told["sources"]],
                         [("300000", "nodes/web-01", True), ("262144", "cluster", False)])
        manifest = self.tree.files("var/lib/rancher/k3s/server/manifests")[0]
        path = f"/var/lib/rancher/k3s/server/manifests/{manifest}"
        file = json.loads(self.run_cli(0, "explain", path, "-o", "json").stdout)
        self.assertEqual(file["wanted"], file["held"])
        self.assertEqual(file["sources"][0]["place"], "manifests/app.yaml")
        (self.tree / path.lstrip("/")).write_text("changed by hand\n")
        self.assertIn("differs", self.run_cli(0, "explain", path).stdout)
        self.run_cli(2, "explain", "vm.swappiness")

    def test_release_gives_back_and_stays_away(self):
        self.run_cli(0, "sync")
        self.run_cli(0, "release")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "65530")
        self.assertIn("suspended: released", self.run_cli(1, "sync").stderr)
        self.run_cli(0, "resume")
        self.run_cli(0, "sync")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")


if __name__ == "__main__":
    unittest.main()
