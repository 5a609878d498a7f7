#!/usr/bin/env python3
"""The daemon on the real /proc/sys of a network namespace of its own: who wrote, late keys, contested keys.

Everything below net. is the namespace's own. Needs root; without, all of it is skipped.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from daemon_case import DaemonCase  # noqa: E402

KEY = "net.ipv4.conf.lo.arp_ignore"
FILE = "net/ipv4/conf/lo/arp_ignore"
DESIRED = {
    "sysctl.d/99-net.conf":
        f"{KEY} = 1\nnet.ipv4.conf.lo.forwarding = 1\nnet.ipv4.conf.cni0.arp_announce = 2\n"
        "net.ipv4.conf.b*.arp_ignore = 2\n",
    "manifests/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
}
# The tree's proc is the machine's own procfs, so that its marks and ours are on the same files.
INSIDE = ["unshare", "--net", "--mount", "sh", "-c",
          'mount --rbind /proc "$1/proc" && mount --rbind /sys "$1/sys" && ip link set lo up && shift && exec "$@"', "sh"]


def why_not():
    if os.geteuid() != 0:
        return "SKIPPED: needs root, for namespaces and fanotify"
    for program in ("unshare", "nsenter", "ip"):
        if not shutil.which(program):
            return f"SKIPPED: {program} is not installed"
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    return None if done.returncode == 0 else "SKIPPED: no namespaces to be had: " + done.stderr.strip()


class WatchCase(DaemonCase):
    needs_bus = False
    desired = DESIRED

    def setUp(self):
        if reason := why_not():
            self.skipTest(reason)
        super().setUp()
        shutil.rmtree(self.tree / "proc")
        shutil.rmtree(self.tree / "sys")
        (self.tree / "proc").mkdir()
        (self.tree / "sys").mkdir()
        self.repository.commit({**{name: None for name in ("sysctl.d/99-k8s.conf",)}, **self.desired}, "net")
        self.agent = lib.Agent(self.tree, None, prefix=[*INSIDE, str(self.tree.path)])
        self.addCleanup(self.agent.stop)

    def begin(self, **options):
        self.start(**options)
        self.pid = self.agent.process.pid
        lib.wait_for("the first generation",
                     lambda: self.agent.status().get("generation", {}).get("state") == "applied")

    def inside(self, *command, **options):
        return subprocess.Popen(["nsenter", f"--net=/proc/{self.pid}/ns/net", *command], stdin=subprocess.DEVNULL, **options)

    def run_inside(self, *command):
        process = self.inside(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, out)
        return out

    def value(self, file):
        process = self.inside("cat", f"/proc/sys/{file}", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return process.communicate(timeout=60)[0].strip()

    def drifts(self):
        return self.agent.status().get("drift", {})


class Watched(WatchCase):
    def test_a_write_is_put_back_and_its_writer_named(self):
        self.begin()
        self.wait_log("changes of keys are seen by fanotify")
        writer = self.inside("sh", "-c", f"echo 0 > /proc/sys/{FILE}; sleep 20; true")
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        lib.wait_for("the key", lambda: (self.drifts().get("last") or {}).get("repaired"))
        self.assertEqual(self.value(FILE), "1")
        last = self.drifts()["last"]
        self.assertEqual((last["subject"], last["from"], last["to"]), (KEY, "0", "1"))
        self.assertRegex(last["writer"], rf"^pid {writer.pid} sh\b")
        self.wait_log(f"{KEY}: 0 -> 1, written by pid {writer.pid} sh")
        text = self.agent.cli("history").stdout
        self.assertIn(f"by pid {writer.pid} sh", " ".join(text.split()))
        self.assertIn(f"by pid {writer.pid} sh", self.agent.cli("explain", KEY).stdout)

    def test_a_file_has_a_writer_too(self):
        self.begin()
        writer = subprocess.Popen(["sh", "-c", f"echo x > '{self.manifest()}'; sleep 20; true"])
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        last = lib.wait_for("the manifest", lambda: self.drifts().get("last"))
        self.assertTrue(last["repaired"])
        if last["writer"] == "unknown":
            self.skipTest("SKIPPED: the file system of the temporary directory tells no handles to fanotify")
        self.assertRegex(last["writer"], rf"^pid {writer.pid} sh\b")

    def test_the_poll_finds_what_no_event_tells(self):
        self.begin()
        other = self.tree / "elsewhere"
        other.mkdir()
        # A procfs of its own, as a container has.
        self.run_inside("unshare", "--mount", "sh", "-c", f"mount -t proc proc {other} && echo 0 > {other}/sys/{FILE}")
        lib.wait_for("the poll", lambda: self.value(FILE) == "1", 15)
        last = lib.wait_for("the event", lambda: self.drifts().get("last"))
        self.assertEqual((last["subject"], last["writer"]), (KEY, "unknown"))

    def test_what_the_kernel_changes_itself_is_found(self):
        self.begin()
        self.run_inside("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/ip_forward")
        self.assertEqual(self.value("net/ipv4/conf/lo/forwarding"), "0")
        lib.wait_for("the poll", lambda: self.value("net/ipv4/conf/lo/forwarding") == "1", 15)

    def test_a_key_that_comes_late_is_set_within_a_second(self):
        self.begin()
        self.assertEqual([p["subject"] for p in self.agent.status()["tuning"]["pending"]],
                         ["net.ipv4.conf.cni0.arp_announce"])
        self.run_inside("ip", "link", "add", "cni0", "type", "bridge")
        begin = time.monotonic()
        lib.wait_for("cni0", lambda: self.value("net/ipv4/conf/cni0/arp_announce") == "2")
        self.run_inside("ip", "link", "add", "b0", "type", "bridge")
        lib.wait_for("b0, by a glob", lambda: self.value("net/ipv4/conf/b0/arp_ignore") == "2")
        self.run_inside("ip", "link", "set", "b0", "name", "b1")
        lib.wait_for("b1, renamed", lambda: self.value("net/ipv4/conf/b1/arp_ignore") == "2")
        self.assertLess(time.monotonic() - begin, 4)  # each within a second, and three starts of programs
        lib.wait_for("nothing pending", lambda: not self.agent.status()["tuning"]["pending"])
        # What came late is watched too: not the poll puts this back.
        time.sleep(0.3)
        writer = self.inside("sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/cni0/arp_announce; sleep 20; true")
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        last = lib.wait_for("its drift", lambda: self.drifts().get("last"))
        self.assertRegex(last["writer"], rf"^pid {writer.pid} sh\b")
        self.run_inside("ip", "link", "del", "cni0")
        self.run_inside("ip", "link", "add", "cni0", "type", "bridge")
        lib.wait_for("a new cni0", lambda: self.value("net/ipv4/conf/cni0/arp_announce") == "2")

    def test_a_war_ends_and_does_not_begin_again(self):
        self.begin()
        loop = f"while :; do echo 0 > /proc/sys/{FILE}; sleep 0.1; done"
        writer = self.inside("sh", "-c", loop)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        contested = lib.wait_for("a contest", lambda: self.drifts().get("contested"), 40)
        self.assertEqual(len(contested), 1)
        one = contested[0]
        self.assertEqual((one["subject"], one["value"], one["wanted"], one["times"]), (KEY, "0", "1", 6))
        self.assertIn(f"pid {writer.pid} sh", one["writer"])
        status = self.agent.status()
        condition = next(c for c in status["conditions"] if c["type"] == "DriftFree")
        self.assertEqual((condition["status"], condition["reason"]), ("False", "Contested"))
        self.assertIn(f"pid {writer.pid} sh", condition["message"])
        self.assertEqual(self.agent.cli("status").returncode, 1)
        self.assertIn("contested", self.agent.cli("explain", KEY).stdout)
        total = status["drift"]["total"]
        time.sleep(7)  # a poll, and a loop that goes on
        self.assertEqual(self.drifts()["total"], total)
        self.assertEqual(self.log().count("[Contested]"), 1)
        self.agent.stop()
        self.start(configure=False)
        self.pid = self.agent.process.pid
        lib.wait_for("the contest after a restart", lambda: self.drifts().get("contested"))
        time.sleep(7)
        self.assertEqual(self.drifts()["total"], total)

    def test_reporting_leaves_it_alone(self):
        self.repository.commit({"node.yaml": "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
                                             "tuning:\n  drift: report\n"}, "report")
        self.begin()
        writer = self.inside("sh", "-c", f"echo 0 > /proc/sys/{FILE}; sleep 20; true")
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        last = lib.wait_for("the event", lambda: self.drifts().get("last"))
        self.assertFalse(last["repaired"])
        self.assertRegex(last["writer"], rf"^pid {writer.pid} sh\b")
        time.sleep(6)
        self.assertEqual(self.value(FILE), "0")
        self.assertEqual(self.drifts()["total"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
