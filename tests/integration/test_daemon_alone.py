#!/usr/bin/env python3
"""The daemon without a bus: configuration that is missing, bad or late, Git that is gone, one run, an idle disk."""

import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from daemon_case import DaemonCase, SYSCTLS  # noqa: E402


class WithoutBus(DaemonCase):
    needs_bus = False

    def test_needs_no_bus_on_a_tree(self):
        self.start()
        self.wait_applied()
        self.assertNotIn("bus", self.log())
        self.assertEqual(self.agent.stop(), 0)

    def test_a_missing_bus_is_said_and_lived_without(self):
        self.bus = type("NoBus", (), {"address": f"unix:path={self.tree.path}/no-bus"})
        self.agent.bus = self.bus
        self.start()
        self.wait_applied()
        self.wait_log("not on the system bus")
        self.assertEqual(self.agent.stop(), 0)

    def test_unconfigured_waits_and_wakes(self):
        self.start(configure=False)
        lib.wait_for("the status", self.agent.status)
        self.assertEqual(self.agent.status()["mode"], "unconfigured")
        self.assertFalse((self.tree / "var/lib/bedplate/state.db").exists())
        self.assertTrue(any("Not configured" in m for m in self.agent.messages), self.agent.messages)
        self.tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = nonsense\n")
        self.wait_log("is not a repository")
        self.assertEqual(self.agent.status()["mode"], "unconfigured")
        self.tree.configure(self.repository)
        self.wait_applied()
        self.assertEqual(self.agent.stop(), 0)

    def test_unconfigured_wakes_on_hangup(self):
        # Without the folder there is nothing that could be missed.
        self.start(configure=False)
        self.tree.configure(self.repository)
        self.agent.process.send_signal(signal.SIGHUP)
        self.wait_applied()

    def test_a_bad_configuration_at_start_waits_too(self):
        self.tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = file:///x\npath = p\n[nodes]\nmode = observe\n")
        self.start(configure=False)
        self.wait_log("bedplate.conf:4: section 'nodes' is not known; did you mean 'node'?")
        status = lib.wait_for("the status", self.agent.status)
        self.assertEqual(status["source"]["problem"]["reason"], "InvalidConfiguration")
        time.sleep(1)
        self.assertIsNone(self.agent.process.poll())
        self.tree.configure(self.repository)
        self.wait_applied()

    def test_a_broken_configuration_does_not_drop_what_is_in_force(self):
        self.start()
        self.wait_applied()
        self.assertEqual(self.agent.stop(), 0)
        self.tree.write("etc/bedplate/bedplate.conf", "[node]\nmode = nonsense\n")
        for key, value in SYSCTLS.items():  # as after a reboot
            self.tree.sysctl(key, value)
        self.tree.write("proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n")
        self.start(configure=False)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")

    def test_ready_means_that_the_last_generation_is_back_without_git(self):
        self.start()
        self.wait_applied()
        self.assertEqual(self.agent.stop(), 0)
        for key, value in SYSCTLS.items():
            self.tree.sysctl(key, value)
        self.tree.write("proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n")
        self.repository.remote.rename(self.repository.base / "gone")
        self.start(configure=False)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")
        lib.wait_for("the problem", lambda: self.agent.status()["source"]["problem"])
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")

    def test_an_unreachable_remote_is_said_once(self):
        self.start(interval="1s")
        self.wait_applied()
        self.repository.remote.rename(self.repository.base / "gone")
        self.wait_log("cannot reconcile")
        time.sleep(5)  # at 1, 2, 4 s
        self.assertEqual(self.log().count("cannot reconcile"), 1, self.log())
        (self.repository.base / "gone").rename(self.repository.remote)
        self.wait_log("reconciling works again", seconds=60)

    def test_check_config(self):
        def check():
            return subprocess.run([str(lib.DAEMON), "--root", str(self.tree.path), "--check-config"],
                                  capture_output=True, text=True, timeout=30)

        done = check()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.tree.configure(self.repository)
        done = check()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("good", done.stdout)
        self.tree.configure(self.repository, extra="[trust]\nmaximum-age = old\nmaximum-agee = 1d\n")
        before = self.tree.files("")
        done = check()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.strip().split("\n")), 2, done.stderr)
        self.assertIn("bedplate.conf:11: maximum-age: 'old' is not a duration", done.stderr)
        self.assertIn("bedplate.conf:12: ", done.stderr)
        self.assertEqual(self.tree.files(""), before)

    def test_usage_errors_exit_64(self):
        done = subprocess.run([str(lib.DAEMON), "--nonsense"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 64)
        self.assertEqual(done.stdout, "")
        done = subprocess.run([str(lib.DAEMON), "--version"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^bedplated \d+\.\d+\.\d+")

    def test_once(self):
        self.tree.configure(self.repository)
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("good", done.stdout)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")
        self.repository.remote.rename(self.repository.base / "gone")
        done = self.agent.once()
        self.assertEqual(done.returncode, 1)
        self.assertIn("MirrorFailed" if "MirrorFailed" in done.stdout else "RemoteUnreachable", done.stdout)

    def test_metrics_file(self):
        self.start(extra="[report]\nmetrics-file = /var/metrics/bedplate.prom\n")
        self.wait_applied()
        text = lib.wait_for("metrics", lambda: (self.tree / "var/metrics/bedplate.prom").exists()
                            and self.tree.read("var/metrics/bedplate.prom"))
        self.assertIn("bedplate_build_info", text)
        self.assertEqual(self.tree.files("var/metrics"), ["bedplate.prom"])

    def test_idle_writes_nothing_to_disk(self):
        self.start(interval="1s")
        self.wait_applied()
        time.sleep(2)

        def stamps():
            top = self.tree.path
            return {str(p): p.stat().st_mtime_ns for p in top.rglob("*")
                    if p.is_file() and "run/" not in str(p.relative_to(top)) and p != self.agent.log
                    and "var/lib/bedplate/git" not in str(p)}

        before = stamps()
        time.sleep(7)  # some syncs and a poll
        self.assertEqual(stamps(), before)


class Arguments(unittest.TestCase):
    def run_daemon(self, *arguments):
        return subprocess.run([lib.DAEMON, *arguments], text=True, capture_output=True, timeout=60)

    def test_what_is_wrong_is_said_and_exits_64(self):
        for arguments, why in ((["--frobnicate"], "'--frobnicate' is not known"), (["-x"], "'-x' is not known"),
                               (["--root"], "--root needs a value"), (["now"], "'now' is not expected"),
                               (["--once", "--check-config"], "exclude each other")):
            done = self.run_daemon(*arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ""), arguments)
            self.assertIn(f"bedplated: usage: {why}", done.stderr.replace("--once and --check-config ", ""))

    def test_help_and_version(self):
        for option in ("--root", "--config", "--once", "--check-config", "--version"):
            self.assertIn(option, self.run_daemon("--help").stdout)
        done = self.run_daemon("--version")
        self.assertRegex(done.stdout, r"^bedplated \d+\.\d+\.\d+\n$")
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
