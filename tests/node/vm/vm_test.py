"""What belongs to the initial namespace, on a machine with a kernel of its own: conntrack, inotify, vm.*, kernel.*,
modules, reboots, power cuts, and a value that takes the machine down.

The tests are one story, in order: a boot is shared by as many of them as can be.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from cuts import CUTS, CUTS_PROGRAM, Cuts  # noqa: E402
from story import DIRECTORY, KEYS, LEFT, Story, blanks, conf, package  # noqa: E402

NODE = {
    "fs.inotify.max_user_instances": "8192",
    "fs.inotify.max_user_watches": "524288",
    "vm.max_map_count": "262144",
    "vm.swappiness": "10",
    "kernel.pid_max": "131072",
    "kernel.printk": "4 4 1 3",
    "kernel.panic": "3",
    "vm.overcommit_memory": "1",
}
LATE_SECONDS = 1
REPAIR_SECONDS = 1  # by event; the poll would take up to 5
KIND = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
# Sends one datagram from each of so many ports: each is a connection to track.
CONNECTIONS = """
import socket, sys
first, count = map(int, sys.argv[1:])
for port in range(10000 + first, 10000 + first + count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", port))
        try:
            one.sendto(b"x", ("127.0.0.1", 9))
        except OSError:
            pass
"""
CONNTRACK = {"net.netfilter.nf_conntrack_max": "200000", "net.netfilter.nf_conntrack_buckets": "131072"}


class OneMachine(Cuts, Story):
    """The tests run in the order of their numbers."""

    def test_01_a_commit_is_applied(self):
        self.commit({"sysctl.d/50-node.conf": conf(NODE), "sysctl.d/60-conntrack.conf": conf(CONNTRACK)}, "first")
        self.vm.run("dpkg", "-i", "/root/bedplate.deb")
        self.vm.write("/etc/bedplate/bedplate.conf.d/10-test.conf",
                      f"[repository]\nurl = file:///srv/infra.git\npath = {DIRECTORY}\ninterval = 5s\n[node]\nmode = enforce\n"
                      "[report]\nmetrics-file = /run/bedplate/metrics.prom\n")
        self.vm.run("bedplated", "--check-config")
        self.vm.run("systemctl", "reload", "bedplated.service")
        status = self.in_force(self.vm.run("git", "-C", "/srv/infra.git", "rev-parse", "main").strip())
        self.holds(NODE)
        self.assertEqual(self.held(), {k: (self.vm.boot_id, self.kernel[k]) for k in NODE})
        # conntrack is a module that nobody loaded yet.
        self.assertEqual({p["subject"] for p in status["tuning"]["pending"]}, set(CONNTRACK))
        self.assertEqual(status["tuning"]["failed"], [])

    def test_02_a_module_is_loaded_by_systemd_and_its_keys_are_set(self):
        # The unit cannot load a module itself; systemd's modprobe@.service can.
        self.assertNotIn("cap_sys_module", self.vm.show("CapabilityBoundingSet")["CapabilityBoundingSet"].lower())
        self.assertEqual(self.vm.show("ProtectKernelModules"), {"ProtectKernelModules": "yes"})
        before = self.vm.run("lsmod")
        self.assertNotIn("nf_conntrack", before)
        self.assertNotIn("overlay", before)
        status = self.in_force(self.commit({"modules-load.d/k3s.conf": "nf_conntrack\noverlay\n"}, "modules"))
        loaded = {line.split()[0] for line in self.vm.run("lsmod").splitlines()}
        self.assertLessEqual({"nf_conntrack", "overlay"}, loaded)
        self.holds(CONNTRACK)
        type(self).buckets = self.held()["net.netfilter.nf_conntrack_buckets"][1]
        self.assertEqual(status["tuning"]["pending"], [])
        self.assertIn("modprobe@overlay.service", self.vm.run("journalctl", "--no-pager", "-b", "-o", "verbose", "-u",
                                                              "modprobe@overlay.service"))

    def test_03_a_module_that_does_not_exist_is_told(self):
        head = self.commit({"modules-load.d/wrong.conf": "no_such_module\n"}, "no such module")
        status = self.status_with("the failure", lambda s: s["source"]["head"] == head and s["tuning"]["failed"])
        self.assertEqual([p["subject"] for p in status["tuning"]["failed"]], ["no_such_module"])
        self.assertEqual(self.vm.try_run("bedplate", "status").returncode, 2)
        self.holds({**NODE, **CONNTRACK})
        self.in_force(self.commit({"modules-load.d/wrong.conf": None}, "no more"))

    def test_04_a_module_somebody_loads_brings_a_late_key(self):
        late = {"net.bridge.bridge-nf-call-arptables": "0"}
        status = self.in_force(self.commit({"sysctl.d/70-late.conf": conf(late)}, "late"))
        self.assertEqual([p["subject"] for p in status["tuning"]["pending"]], list(late))
        took = self.seconds_until("modprobe br_netfilter", *next(iter(late.items())))
        print(f"\na late key was set {took:.2f} s after its module came", file=sys.stderr)
        self.assertLess(took, LATE_SECONDS)
        self.in_force(self.commit({"sysctl.d/70-late.conf": None}, "not late"))
        self.holds({"net.bridge.bridge-nf-call-arptables": "1"})

    def test_05_what_somebody_changes_is_put_back(self):
        before = self.vm.status()["drift"]["total"]
        for key, other in (("vm.swappiness", "77"), ("kernel.printk", "7 4 1 7"), ("fs.inotify.max_user_watches", "9000"),
                           ("net.netfilter.nf_conntrack_max", "1234")):
            took = self.seconds_until(f"sysctl -q -w {key}='{other}'", key, {**NODE, **CONNTRACK}[key])
            print(f"\n{key} was put back after {took * 1000:.0f} ms", file=sys.stderr)
            self.assertLess(took, REPAIR_SECONDS)
        status = self.status_with("four repairs", lambda s: s["drift"]["total"] >= before + 4)
        self.assertEqual(status["drift"]["last"]["subject"], "net.netfilter.nf_conntrack_max")
        self.assertEqual((status["drift"]["last"]["from"], status["drift"]["last"]["to"]), ("1234", "200000"))
        # A writer is named, or unknown where it was gone before it could be looked at: never another.
        history = json.loads(self.vm.run("bedplate", "history", "-o", "json"))
        writers = [event["writer"] for event in history["drift"][:4]]
        for writer in writers:
            self.assertRegex(writer, r"^(pid \d+ sysctl \(guest-agent\.service\)|unknown)$")
        self.assertGreater(len(set(writers)), 1, writers)
        self.assertEqual(status["drift"]["unrepaired"], [])

    def test_06_buckets_that_the_kernel_rounds_are_no_fight(self):
        # The kernel makes whole pages of it: 50176.
        head = self.commit({"sysctl.d/60-conntrack.conf": conf({**CONNTRACK, "net.netfilter.nf_conntrack_buckets": "50000"})},
                           "rounded")
        self.status_with("the head", lambda s: s["source"]["head"] == head and s["generation"]["commit"] == head)
        self.assertEqual(self.vm.sysctl("net.netfilter.nf_conntrack_buckets"), "50176")
        before = self.vm.status()["drift"]["total"]
        time.sleep(12)  # two polls
        self.assertEqual(self.vm.status()["drift"]["total"], before)
        self.in_force(self.commit({"sysctl.d/60-conntrack.conf": conf(CONNTRACK)}, "a power of two"))
        self.holds(CONNTRACK)

    def test_07_conntrack_and_inotify_are_sized_by_the_machine(self):
        auto = "tuning:\n  conntrack: {max: auto, buckets: auto}\n  inotify: {maxUserInstances: 8192, maxUserWatches: auto}\n"
        # What an earlier commit has raised further would stay until the next boot: it goes back first.
        self.in_force(self.commit({"sysctl.d/50-node.conf": conf({k: v for k, v in NODE.items() if "watches" not in k})}, "back"))
        self.in_force(self.commit({"node.yaml": KIND + auto, "sysctl.d/60-conntrack.conf": None}, "auto"))
        memory = int(self.vm.sh("awk '/^MemTotal:/ { print $2 }' /proc/meminfo")) * 1024
        # docs/tuning.md: a sixteenth of the memory at 392 bytes an entry, at least 131072; the watches at 1344 bytes each.
        entries = max(131072, memory // 16 // 392 // 8192 * 8192)
        watches = max(65536, memory // 16 // 1344 // 8192 * 8192)
        self.holds({"net.netfilter.nf_conntrack_max": str(entries), "fs.inotify.max_user_watches": str(watches)})
        # 131072 buckets are within a factor of two of it: a resize would hold the whole table.
        self.assertGreaterEqual(2 * int(CONNTRACK["net.netfilter.nf_conntrack_buckets"]), entries)
        self.holds({"net.netfilter.nf_conntrack_buckets": CONNTRACK["net.netfilter.nf_conntrack_buckets"]})
        explained = json.loads(self.vm.run("bedplate", "explain", "net.netfilter.nf_conntrack_max", "-o", "json"))
        self.assertIn("node.yaml", json.dumps(explained))
        drop_in = self.vm.sh("cat /etc/rancher/k3s/config.yaml.d/*conntrack*")
        self.assertIn("conntrack-max-per-core=0", drop_in)
        took = self.seconds_until("sysctl -q -w net.netfilter.nf_conntrack_buckets=1024", "net.netfilter.nf_conntrack_buckets",
                                  str(entries))
        self.assertLess(took, REPAIR_SECONDS)
        self.in_force(self.commit({"node.yaml": None, "sysctl.d/60-conntrack.conf": conf(CONNTRACK),
                                   "sysctl.d/50-node.conf": conf(NODE)}, "numbers again"))
        self.holds({**NODE, **CONNTRACK})
        self.assertEqual(self.vm.sh("ls /etc/rancher/k3s/config.yaml.d"), "")

    def test_08_a_table_that_fills_up_is_told_before_and_when_it_is_full(self):
        small = {"net.netfilter.nf_conntrack_max": "2000", "net.netfilter.nf_conntrack_udp_timeout": "900"}
        self.in_force(self.commit({"sysctl.d/65-small.conf": conf(small)}, "a small table"))
        # Nothing is tracked until a rule asks for it.
        self.vm.run("nft", "add table ip t; add chain ip t out { type filter hook output priority 0; };"
                           " add rule ip t out ct state new counter")
        try:
            self.vm.run("python3", "-c", CONNECTIONS, 0, 1600)
            status = self.status_with("the warning", lambda s: any("conntrack table is" in w for w in s["warnings"]), 150)
            used = status["headroom"]["conntrack"]
            self.assertEqual(used["limit"], 2000)
            self.assertAlmostEqual(used["entries"], int(self.vm.run("conntrack", "-C")), delta=50)
            self.assertGreater(used["entries"], 1550)
            self.assertEqual(self.vm.try_run("bedplate", "status").returncode, 1)
            # Over the limit: the kernel throws entries out, or packets away. `conntrack -C` has loaded the netlink part.
            self.vm.run("python3", "-c", CONNECTIONS, 2000, 3000)
            status = self.status_with("the loss", lambda s: any("lost packets" in w for w in s["warnings"]), 150)
            lost = sum(status["headroom"]["conntrack"]["events"].get(name, 0) for name in ("drop", "early_drop"))
            said = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in self.vm.run("conntrack", "-S").splitlines()]
            self.assertEqual(lost, sum(int(cpu["drop"]) + int(cpu["early_drop"]) for cpu in said))
            self.assertGreater(lost, 500)
            metrics = self.vm.sh("cat /run/bedplate/metrics.prom")
            self.assertRegex(metrics, r'(?m)^bedplate_conntrack_entries_limit 2000$')
            self.assertRegex(metrics, r'(?m)^bedplate_conntrack_events_total\{event="(early_)?drop"\} [1-9]')
        finally:
            self.vm.run("nft", "delete table ip t")
        self.in_force(self.commit({"sysctl.d/65-small.conf": None}, "large again"))
        self.holds(CONNTRACK)

    def test_09_what_leaves_git_gets_back_its_original(self):
        less = {k: v for k, v in NODE.items() if k not in ("kernel.printk", "fs.inotify.max_user_watches", "kernel.panic")}
        self.in_force(self.commit({"sysctl.d/50-node.conf": conf(less)}, "less"))
        back = ("kernel.printk", "fs.inotify.max_user_watches")
        self.holds({k: self.kernel[k] for k in back})
        self.assertEqual(self.vm.sysctl("kernel.panic"), NODE["kernel.panic"])  # the kubelet's too: left
        self.in_force(self.commit({"sysctl.d/50-node.conf": conf(NODE)}, "all again"))
        self.holds(NODE)

    def test_10_release_gives_back_exact_originals_and_names_what_it_leaves(self):
        done = self.vm.run("bedplate", "release")
        self.holds({k: NODE[k] if k in LEFT else self.kernel[k] for k in NODE})
        self.holds({"net.netfilter.nf_conntrack_max": CONNTRACK["net.netfilter.nf_conntrack_max"],
                    "net.netfilter.nf_conntrack_buckets": self.buckets})
        for left in ("vm.overcommit_memory = 1", "net.netfilter.nf_conntrack_max = 200000"):
            self.assertIn(left, done)
        self.assertIsNone(self.vm.read_file("/etc/sysctl.d/99-zz-bedplate.conf"))
        self.assertIsNone(self.vm.read_file("/etc/modules-load.d/bedplate.conf"))
        self.assertEqual(self.held(), {})
        self.vm.run("bedplate", "resume")
        self.vm.run("bedplate", "sync")
        self.holds({**NODE, **CONNTRACK})

    def test_11_a_reboot_finds_the_values_before_k3s(self):
        self.vm.reboot()
        # bedplated is ordered between the two, and the boot files are before both.
        for who in ("boot", "k3s"):
            saw = blanks(self.saw(who))
            self.assertEqual({k: saw[k.replace(".", "/")] for k in NODE}, NODE, who)
        self.holds({**NODE, **CONNTRACK})
        # The originals are of the boot that is gone.
        self.assertNotIn(self.vm.boot_id, {boot for boot, _ in self.held().values()})
        self.assertEqual({k: v for k, (_, v) in self.held().items() if k in NODE and k not in LEFT},
                         {k: v for k, v in blanks(self.kernel).items() if k in NODE and k not in LEFT})

    def test_12_what_left_git_after_a_reboot_is_the_kernels_default_after_the_next(self):
        # Also the first half of the next test: a machine that panics when it runs out of memory.
        less = {k: v for k, v in NODE.items() if k not in ("vm.max_map_count", "fs.inotify.max_user_instances")}
        self.in_force(self.commit({"sysctl.d/50-node.conf": conf({**less, "vm.panic_on_oom": "1"})}, "less"))
        boot = self.vm.read_file("/etc/sysctl.d/99-zz-bedplate.conf")
        self.assertNotIn("max_map_count", boot)
        self.assertIn("panic_on_oom", boot)
        self.assertNotIn("vm.max_map_count", self.held())

    def test_13_a_value_that_takes_the_machine_down_is_gone_after_the_reboot(self):
        good = self.vm.status()["generation"]["commit"]
        # Nearly all memory kept free: the next allocation finds none, and the kernel panics.
        self.commit({"sysctl.d/99-deadly.conf": conf({"vm.min_free_kbytes": str(self.vm.memory_mib * 1024 - 60000)})}, "deadly")
        self.vm.ended(120)
        self.assertIn("Kernel panic", self.vm.console())
        # It is taken back at the start, and tried once more when the branch is fetched: it may not have been the value.
        self.vm.boot()
        with contextlib.suppress(ConnectionError):  # it goes down while it is asked
            self.assertEqual(self.saw("boot")["vm/min_free_kbytes"], self.kernel["vm.min_free_kbytes"])
            self.assertNotIn("min_free_kbytes", self.vm.read_file("/etc/sysctl.d/99-zz-bedplate.conf"))
        self.vm.ended(120)
        self.vm.boot()
        status = self.status_with("the tree to be refused", lambda s: s["source"]["problem"]["reason"] == "TakenBack")
        self.assertEqual(self.vm.sysctl("vm.min_free_kbytes"), self.kernel["vm.min_free_kbytes"])
        self.assertEqual(self.saw("k3s")["vm/min_free_kbytes"], self.kernel["vm.min_free_kbytes"])
        self.assertEqual(status["source"]["commit"], good)
        # And test_12's keys are the kernel's own again.
        for key in ("vm.max_map_count", "fs.inotify.max_user_instances"):
            self.assertEqual(self.vm.sysctl(key), self.kernel[key], key)
        self.in_force(self.commit({"sysctl.d/99-deadly.conf": None, "sysctl.d/50-node.conf": conf(NODE)}, "alive"))

    def test_14_power_cuts_while_it_applies(self):
        seed = int(os.environ.get("BEDPLATE_CUTS_SEED") or random.randrange(1 << 32))
        chance, cuts = random.Random(seed), int(os.environ.get("BEDPLATE_CUTS") or 5)
        print(f"\n{cuts} power cuts, BEDPLATE_CUTS_SEED={seed}", file=sys.stderr)
        self.prepare_cuts()
        # Of the boots before this one: all of their originals are the kernel's own.
        self.before = {boot: self.kernel for boot, _ in self.held().values()}
        self.before.setdefault(self.vm.boot_id, {k.replace("/", "."): v for k, v in blanks(self.saw("boot")).items()}
                               if len(self.vm.boots) > 1 else self.kernel)
        seen = set()
        for cut in range(cuts):
            with self.subTest(cut=cut):
                part = (cut + chance.random()) / cuts
                self.vm.run("python3", "-c", CUTS_PROGRAM, part)
                self.vm.power_cut()
                print(f"cut after {part:.2f} of a sync", file=sys.stderr)
                self.vm.boot()
                seen.add(self.check_after_cut())
                # And it goes on: Git is there again.
                self.vm.sh("ln -sfn /srv/infra.git /run/infra.git; bedplate sync")
                self.assertEqual(self.state_now(), self.vm.run("git", "-C", "/srv/infra.git", "log", "-1", "--format=%s", "main")
                                 .strip())
        history = self.vm.run("bedplate", "history")
        print(f"\n{history.count('interrupted')} generations were interrupted; after a cut: {sorted(seen)}", file=sys.stderr)

    def test_15_released_and_started_again_it_is_the_machine_it_was(self):
        self.vm.run("bedplate", "release")
        self.vm.reboot()
        self.assertEqual(blanks(self.vm.sysctls(*KEYS)), self.kernel)
        self.assertNotIn("overlay", self.vm.run("lsmod"))


if __name__ == "__main__":
    unittest.main()
