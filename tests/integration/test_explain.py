#!/usr/bin/env python3
"""`bedplate explain` is good on every key of examples/infra: it names the layer, the original, and every other writer
known. Also what `diff` and `show` say of the same keys."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

CLUSTERS = lib.SOURCE / "examples/infra/clusters"
# What a freshly booted machine holds; a key that is not here gets a 7, which no file of the example wants.
BEFORE = {"net.ipv4.ip_forward": "0", "net.bridge.bridge-nf-call-iptables": "0", "net.ipv4.tcp_tw_reuse": "2",
          "net.netfilter.nf_conntrack_max": "65536", "net.core.somaxconn": "4096",
          "fs.inotify.max_user_watches": "8192", "fs.inotify.max_user_instances": "128",
          "net.ipv4.ip_local_port_range": "32768\t60999"}
# Who is expected to be named, of those that are on every K3s node.
WRITERS = {"net.ipv4.ip_forward": "K3s", "net.bridge.bridge-nf-call-iptables": "K3s",
           "net.netfilter.nf_conntrack_max": "K3s", "vm.overcommit_memory": "kubelet", "vm.panic_on_oom": "kubelet",
           "kernel.panic": "kubelet", "kernel.panic_on_oops": "kubelet"}


def keys_of(directory, node, role):
    """key -> [(value, layer, place)], the winner last, as the layers say it."""
    found = {}
    for layer, folder in (("cluster", ""), (f"roles/{role}", f"roles/{role}/"), (f"nodes/{node}", f"nodes/{node}/")):
        for file in sorted((directory / folder / "sysctl.d").glob("*.conf")):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if line.strip() and line.strip()[0] not in "#;":
                    key, value = (part.strip() for part in line.split("=", 1))
                    place = f"{file.relative_to(directory)}:{number}"
                    found.setdefault(key.lstrip("-"), []).append((value, layer, place))
    return found


class Explain(unittest.TestCase):
    def node(self, cluster, name, role):
        """A node of the example after its first sync; gives its keys."""
        tree, repository = lib.Tree(), lib.Repository(directory=f"clusters/{cluster}/node")
        self.addCleanup(tree.remove)
        self.addCleanup(repository.remove)
        directory = CLUSTERS / cluster / "node"
        # The sealed file is for a key that nobody holds.
        repository.commit({str(f.relative_to(directory)): f.read_text() for f in directory.rglob("*")
                           if f.is_file() and f.suffix != ".sealed"})
        keys = keys_of(directory, name, role)
        self.assertGreater(len(keys), 8)
        for key in {**BEFORE, **keys}:
            tree.sysctl(key, BEFORE.get(key, "7"))
        for module in (directory / "modules-load.d/k3s.conf").read_text().split():
            (tree / f"sys/module/{module}").mkdir(exist_ok=True)
        tree.write("proc/meminfo", "MemTotal: 4000000 kB\n")
        tree.write("sys/devices/system/cpu/online", "0-1\n")
        tree.write("etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n")
        tree.configure(repository, name=name, role=role)
        self.agent = lib.Agent(tree)
        self.tree, self.repository = tree, repository
        return keys

    def cli(self, status, *arguments):
        done = self.agent.cli(*arguments)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout

    def check_key(self, key, sources):
        text = self.cli(0, "explain", key)
        it = json.loads(self.cli(0, "explain", key, "-o", "json"))
        value, layer, place = sources[-1]
        self.assertEqual((it["wanted"], it["held"]), (value, value))
        winner = [s for s in it["sources"] if s["wins"]]
        self.assertEqual([(s["value"], s["layer"], s["place"]) for s in winner], [(value, layer, place)])
        self.assertIn(f"from        {layer}  {place}\n", text)
        losers = {(s["value"], s["layer"], s["place"]) for s in it["sources"] if not s["wins"]}
        self.assertLessEqual(set(sources[:-1]), losers)
        original = " ".join(BEFORE.get(key, "7").split())
        self.assertEqual(it["original"], original)
        self.assertIn(f"original    {original}  (taken in this boot)\n", text)
        everywhere = {w["who"] for w in it["writers"] if w["here"]}
        if key in WRITERS:
            self.assertIn(WRITERS[key], everywhere, text)
            self.assertIn(f"also by     {WRITERS[key]} ", text)
        else:
            self.assertEqual(everywhere, set(), text)
        if not it["writers"]:
            self.assertIn("also by     nobody that is known\n", text)
        # The example is made so that nobody writes over it.
        self.assertFalse([w for w in it["writers"] if w["conflicts"] and w["here"]], text)

    def test_every_key_of_the_example(self):
        for cluster, name, role in (("oslo-prod", "web-01", "server"), ("oslo-prod", "worker-7", "agent"),
                                    ("oslo-staging", "web-01", "server")):
            keys = self.node(cluster, name, role)
            self.cli(0, "sync")
            originals = {o["subject"]: o["value"] for o in json.loads(self.cli(0, "show", "1", "-o", "json"))["originals"]
                         if o["kind"] == "sysctl"}
            self.assertLessEqual(set(keys), set(originals))
            for key, sources in keys.items():
                with self.subTest(cluster=cluster, node=name, key=key):
                    self.check_key(key, sources)
            for key in originals:  # also those that no file of the example names
                with self.subTest(cluster=cluster, node=name, key=key):
                    it = json.loads(self.cli(0, "explain", key, "-o", "json"))
                    self.assertEqual(len([s for s in it["sources"] if s["wins"]]), 1, it)
                    self.assertIsNotNone(it["original"])

    def test_other_writers_of_this_host_are_named(self):
        self.node("oslo-prod", "web-01", "server")
        self.tree.write("etc/sysctl.d/99-zzz-override_cilium.conf", "net.ipv4.conf.all.rp_filter = 0\n")
        self.tree.write("etc/sysctl.d/99-zzz-mine.conf", "# mine\nnet.netfilter.nf_conntrack_max = 65536\n")
        self.tree.write("usr/lib/sysctl.d/50-vendor.conf", "kernel.panic = 10\n")
        self.tree.write("etc/tuned/active_profile", "web\n")
        self.tree.write("etc/tuned/web/tuned.conf", "[sysctl]\nnet.core.somaxconn=>2048\n")
        plan = self.cli(1, "diff")
        mine = f"{self.tree.path}/etc/sysctl.d/99-zzz-mine.conf:2"
        self.assertIn(f"; {mine} sets it to 65536 at boot, after Bedplate's file)", plan)
        self.cli(0, "sync")
        text = self.cli(0, "explain", "net.netfilter.nf_conntrack_max")
        self.assertIn("K3s leaves it alone, as its arguments say\n", text)
        self.assertIn(f"{mine} sets 65536 at boot, after Bedplate's file: until the agent starts this value stands", text)
        self.assertIn("sets 10 at boot, before Bedplate's file\n", self.cli(0, "explain", "kernel.panic"))
        self.assertIn("(TuneD) sets >2048 at each start of TuneD", self.cli(0, "explain", "net.core.somaxconn"))
        # Of a key that is not managed, who writes it is an answer too.
        self.tree.sysctl("net.ipv4.conf.all.rp_filter", "0")
        text = self.cli(0, "explain", "net.ipv4.conf.all.rp_filter")
        self.assertIn("wanted      nothing: it is not managed on this node\n", text)
        self.assertIn("(Cilium) sets 0 at boot, after Bedplate's file\n", text)

    def test_a_conflict_is_said_by_check_diff_and_explain(self):
        self.node("oslo-staging", "web-01", "server")
        self.repository.commit({"k3s/config.yaml": "write-kubeconfig-mode: '0600'\n",
                                "nodes/web-01/sysctl.d/50-x.conf": "net.netfilter.nf_conntrack_max = 500000\n"})
        self.tree.sysctl("net.netfilter.nf_conntrack_max", "600000")
        plan = self.cli(1, "diff")
        self.assertIn("nodes/web-01/sysctl.d/50-x.conf:1: warning: net.netfilter.nf_conntrack_max: K3s sets it to "
                      "max(131072, 32768 per core) at each start: set tuning.conntrack.max", plan)
        self.assertIn("600000 -> 500000   (nodes/web-01 sysctl.d/50-x.conf:1; lowers it; K3s sets it to max(131072, "
                      "32768 per core) at each start)", plan)
        self.cli(0, "sync")
        text = self.cli(0, "explain", "net.netfilter.nf_conntrack_max")
        self.assertIn("also by     K3s sets 131072 (2 cores) at each start: set tuning.conntrack.max", text)
        self.assertIn("overruled   131072  cluster  sysctl.d/99-k8s-networking.conf:", text)


if __name__ == "__main__":
    unittest.main()
