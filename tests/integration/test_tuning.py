#!/usr/bin/env python3
"""Where a kernel value comes from: profile < sizing < sysctl.d < floors, through check, diff, sync and explain."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

HEADER = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
TUNING = HEADER + """tuning:
  profile: k3s
  conntrack: {max: auto, buckets: auto}
  inotify: {maxUserWatches: auto}
  floors:
    vm.max_map_count: 300000
    net.core.somaxconn: 1024
"""
FILE = "vm.max_map_count = 100000\nkernel.panic = 20\n-kernel.pid_max\n"
KERNEL = {"vm.overcommit_memory": "0", "vm.panic_on_oom": "0", "kernel.panic": "0", "kernel.panic_on_oops": "0",
          "kernel.keys.root_maxkeys": "1000000", "kernel.keys.root_maxbytes": "25000000", "net.ipv4.ip_forward": "1",
          "fs.inotify.max_user_instances": "128", "fs.inotify.max_user_watches": "30000", "vm.max_map_count": "65530",
          "kernel.pid_max": "32768", "net.core.somaxconn": "4096",
          "net.netfilter.nf_conntrack_max": "262144", "net.netfilter.nf_conntrack_buckets": "262144"}
DROP_IN = "etc/rancher/k3s/config.yaml.d/zz-bedplate-conntrack.yaml"


class Tuning(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        for key, value in KERNEL.items():
            self.tree.sysctl(key, value)
        # 16 GiB and 4 cores.
        self.tree.write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n")
        self.tree.write("sys/devices/system/cpu/online", "0-3\n")
        self.repository.commit({"node.yaml": TUNING, "sysctl.d/50-a.conf": FILE}, "tuned")
        self.tree.configure(self.repository)
        self.agent = lib.Agent(self.tree)

    def cli(self, status, *arguments):
        done = self.agent.cli(*arguments)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout

    def plan(self):
        return {change["subject"]: change for change in json.loads(self.cli(1, "diff", "-o", "json"))["changes"]}

    def test_the_plan_names_who_decided(self):
        plan = self.plan()
        origins = {key: (change["from"], change["to"], change["origin"]) for key, change in plan.items()}
        self.assertEqual(origins["vm.overcommit_memory"][:2], ("0", "1"))
        self.assertRegex(origins["vm.overcommit_memory"][2], r"^profile k3s k3s\.conf:\d+$")
        self.assertEqual(origins["kernel.panic"], ("0", "20", "cluster sysctl.d/50-a.conf:2"))
        self.assertEqual(origins["vm.max_map_count"], ("65530", "300000", "floors cluster node.yaml:8"))
        self.assertEqual(origins["net.netfilter.nf_conntrack_max"],
                         ("262144", "1048576", "sizing conntrack cluster node.yaml:5"))
        self.assertEqual(origins["net.netfilter.nf_conntrack_buckets"][1], "1048576")
        self.assertEqual(origins["fs.inotify.max_user_watches"],
                         ("30000", "794624", "sizing inotify cluster node.yaml:6"))
        self.assertRegex(origins["fs.inotify.max_user_instances"][2], r"^profile k3s k3s\.conf:\d+$")
        self.assertNotIn("net.core.somaxconn", plan, "the floor is met")
        self.assertNotIn("kernel.pid_max", plan, "sysctl.d takes it from the profile")
        self.assertEqual(plan["/" + DROP_IN]["note"], "K3s reads it at its next start")
        text = self.cli(1, "diff")
        self.assertIn("sysctl  vm.max_map_count  65530 -> 300000   (floors cluster node.yaml:8)", text)

    def test_what_was_planned_holds_and_is_ready_for_the_boot(self):
        self.cli(0, "sync")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "300000")
        self.assertEqual(self.tree.sysctl("fs.inotify.max_user_watches"), "794624")
        self.assertEqual(self.tree.sysctl("net.core.somaxconn"), "4096")
        boot = self.tree.read("etc/sysctl.d/99-zz-bedplate.conf").splitlines()
        for line in ("vm.max_map_count = 300000", "net.core.somaxconn = 4096", "kernel.panic = 20",
                     "net.netfilter.nf_conntrack_max = 1048576"):
            self.assertEqual(boot.count(line), 1, boot)
        self.assertFalse([line for line in boot if "pid_max" in line])
        self.assertIn("kube-proxy-arg+:\n- conntrack-max-per-core=0\n", self.tree.read(DROP_IN))
        self.cli(0, "diff")
        # More is right for what is only a least; less is put back.
        self.tree.sysctl("fs.inotify.max_user_watches", "2000000")
        self.tree.sysctl("net.core.somaxconn", "128")
        self.cli(0, "sync")
        self.assertEqual(self.tree.sysctl("fs.inotify.max_user_watches"), "2000000")
        self.assertEqual(self.tree.sysctl("net.core.somaxconn"), "4096")
        told = json.loads(self.cli(0, "explain", "vm.max_map_count", "-o", "json"))
        self.assertEqual((told["wanted"], told["original"]), ("300000", "65530"))
        self.assertEqual([s["value"] for s in told["sources"]], ["at least 300000", "100000", "at least 262144"])
        self.assertEqual([s["wins"] for s in told["sources"]], [True, False, False])

    def test_without_a_size_of_the_machine_auto_is_an_error_and_a_number_is_not(self):
        self.tree.write("proc/meminfo", "nothing\n")
        done = self.agent.cli("diff")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("proc/meminfo", done.stderr)
        self.repository.commit({"node.yaml": HEADER + "tuning: {conntrack: {max: 500000}}\n"}, "a number")
        self.assertEqual(self.plan()["net.netfilter.nf_conntrack_max"]["to"], "500000")

    def test_a_floor_of_several_numbers_fails_alone(self):
        self.tree.sysctl("net.ipv4.tcp_rmem", "4096\t131072\t6291456")
        self.repository.commit({"node.yaml": HEADER + "tuning: {floors: {net.ipv4.tcp_rmem: 8192}}\n"}, "odd")
        self.assertIn("not one integer", self.cli(1, "diff"))
        self.cli(1, "sync")
        self.assertEqual(self.tree.sysctl("net.ipv4.tcp_rmem"), "4096\t131072\t6291456")
        self.assertEqual(self.tree.sysctl("kernel.panic"), "20")

    def test_check_says_what_contradicts(self):
        self.tree.write("cluster/node.yaml", TUNING)
        self.tree.write("cluster/k3s/config.yaml", "kube-proxy-arg: [conntrack-min=200000]\n")
        done = self.agent.cli("check", str(self.tree / "cluster"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("node.yaml:5:15: warning: tuning.conntrack.max: kube-proxy-arg conntrack-min", done.stdout)
        self.tree.write("cluster/node.yaml", TUNING.replace("profile: k3s", "profile: k3s-high-trafic"))
        done = self.agent.cli("check", str(self.tree / "cluster"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("did you mean 'k3s-high-traffic'?", done.stdout)


if __name__ == "__main__":
    unittest.main()
