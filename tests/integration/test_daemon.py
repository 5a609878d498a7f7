#!/usr/bin/env python3
"""The daemon, end to end: over its bus, under drift, beside a server that says nothing."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from daemon_case import MANIFESTS, DaemonCase  # noqa: E402


class Running(DaemonCase):
    def test_applies_tells_and_syncs_over_the_bus(self):
        self.start()
        self.wait_applied()
        self.assertEqual(len(self.tree.files(MANIFESTS)), 1)
        commit = self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 300000\n"})
        code, text = self.sync()
        self.assertEqual(code, 0, text)
        self.assertIn(commit[:7], text)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "300000")
        status = self.bus_status()
        self.assertEqual(status, self.agent.status())
        self.assertEqual(status["source"]["commit"], commit)
        self.assertEqual((self.tree / "run/bedplate/status.json").stat().st_mode & 0o777, 0o644)
        self.assertTrue(any(m.startswith("STATUS=Enforcing generation 1") for m in self.agent.messages)
                        or self.agent.notified("READY=1"))
        self.assertEqual(self.agent.stop(), 0)

    def test_several_callers_get_an_outcome(self):
        self.start()
        self.wait_applied()
        self.wait_name()
        results = []
        callers = [threading.Thread(target=lambda: results.append(self.sync())) for _ in range(5)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual([code for code, _ in results], [0] * 5)

    def test_only_root_acts_and_everyone_reads(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to call as somebody else")
        self.start()
        self.wait_applied()
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        for method, *arguments in (("Sync", "b", "false"), ("Suspend", "sx", "x", "0"), ("Resume",), ("Release",),
                                   ("Reload",), ("Rollback", "x", "0"), ("Accept", "s", "0" * 40)):
            code, text = self.call(method, *arguments, prefix=nobody)
            self.assertNotEqual(code, 0, method)
            self.assertIn("ccess denied", text.replace("only root may do this", "access denied"), method)
        self.assertEqual(self.bus_status(prefix=nobody)["mode"], "enforce")
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")

    def test_puts_back_a_file_and_a_sysctl(self):
        self.start()
        self.wait_applied()
        manifest = self.manifest()
        good = manifest.read_text()
        # Each of them at once: what is put back five times is left alone.
        self.tree.write("broken", "kind: Broken\n").rename(manifest)
        lib.wait_for("the manifest", lambda: manifest.exists() and manifest.read_text() == good)
        manifest.unlink()
        lib.wait_for("the manifest after its removal", manifest.exists)
        manifest.chmod(0o666)
        lib.wait_for("its mode", lambda: manifest.stat().st_mode & 0o777 != 0o666)
        manifest.parent.rename(self.tree / "away")
        lib.wait_for("the directory", manifest.exists)
        self.assertEqual(manifest.read_text(), good)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        lib.wait_for("the sysctl", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        self.wait_log("net.ipv4.ip_forward: 0 -> 1", 2)  # applied, then put back
        lib.wait_for("the count", lambda: self.agent.status()["drift"]["total"] >= 4)

    def test_its_own_writes_do_not_loop(self):
        self.start()
        self.wait_applied()
        self.manifest().write_text("x")
        lib.wait_for("the count", lambda: self.agent.status()["drift"]["total"] == 1)
        before = self.usage()
        time.sleep(3)
        self.assertLess(self.usage() - before, 0.5)
        self.assertEqual(self.agent.status()["drift"]["total"], 1)

    def test_a_bad_configuration_is_told_and_the_old_one_kept(self):
        self.start()
        self.wait_applied()
        self.tree.write("etc/bedplate/bedplate.conf.d/10-x.conf", "[repository]\nintervall = 5m\n")
        self.agent.process.send_signal(signal.SIGHUP)
        self.wait_log("10-x.conf:2: [repository] key 'intervall' is not known; did you mean 'interval'?")
        lib.wait_for("RELOADING and READY again", lambda: self.agent.notified("READY=1")
                     and self.agent.messages.count("READY=1") == 2)
        self.assertTrue(any("not taken over" in w and "intervall" in w for w in self.bus_status()["warnings"]))
        code, text = self.sync()
        self.assertEqual(code, 0, text)
        code, text = self.call("Reload")
        self.assertNotEqual(code, 0)
        self.assertIn("intervall", text)
        self.tree.write("etc/bedplate/bedplate.conf.d/10-x.conf", "[node]\nmode = observe\n")
        self.agent.process.send_signal(signal.SIGHUP)
        lib.wait_for("the new mode", lambda: self.agent.status()["mode"] == "observe")
        self.assertFalse([w for w in self.agent.status()["warnings"] if "not taken over" in w])

    def test_observe_reports_drift_and_touches_nothing(self):
        self.start()
        self.wait_applied()
        self.assertEqual(self.agent.stop(), 0)
        self.start(mode="observe")
        self.manifest().write_text("changed\n")
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        lib.wait_for("the report", lambda: len(self.agent.status()["drift"]["unrepaired"]) >= 2)
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "0")
        self.assertEqual(self.manifest().read_text(), "changed\n")

    def test_suspension_holds_over_a_restart_and_ends(self):
        self.start()
        self.wait_applied()
        self.assertEqual(self.call("Suspend", "sx", "maintenance", "0")[0], 0)
        self.assertEqual(self.bus_status()["suspended"]["reason"], "maintenance")
        code, text = self.sync()
        self.assertEqual(code, 1, text)
        self.assertIn("suspended: maintenance", text)
        self.assertEqual(self.agent.stop(), 0)
        self.start(configure=False)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        self.manifest().write_text("mine for now\n")
        code, text = self.sync()
        self.assertEqual(code, 1, text)
        time.sleep(6)  # longer than the poll for sysctls
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "0")
        self.assertEqual(self.manifest().read_text(), "mine for now\n")
        self.assertEqual(self.call("Resume")[0], 0)
        lib.wait_for("the sysctl", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        lib.wait_for("the manifest", lambda: self.manifest().read_text() != "mine for now\n")

    def test_suspension_ends_by_itself(self):
        self.start()
        self.wait_applied()
        until = int((time.time() + 2) * 1e6)
        self.assertEqual(self.call("Suspend", "sx", "short", str(until))[0], 0)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        lib.wait_for("the sysctl", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        self.assertGreaterEqual(time.time() * 1e6, until)
        code, text = self.call("Suspend", "sx", "past", "1")
        self.assertNotEqual(code, 0)
        self.assertIn("past", text)

    def test_rollback_and_release_over_the_bus(self):
        self.start()
        self.wait_applied()
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 300000\n"})
        code, text = self.sync()
        self.assertEqual(code, 0, text)
        code, text = self.call("Rollback", "x", "0")
        self.assertEqual(code, 0, text)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")
        code, text = self.sync()  # held: the same tree does not come back
        self.assertIn("Held", text)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "262144")
        code, text = self.call("Release")
        self.assertEqual(code, 0, text)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "65530")
        code, text = self.sync()  # released: it is not taken again by itself
        self.assertEqual(code, 1, text)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "65530")
        code, text = self.call("Accept", "s", "abc")
        self.assertIn("not a full commit id", text)

    def test_a_second_daemon_refuses(self):
        self.start()
        self.wait_applied()
        second = subprocess.run(
            [str(lib.DAEMON), "--root", str(self.tree.path)], env=self.agent.environment(), capture_output=True,
            text=True, timeout=60,
        )
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn(str(self.agent.process.pid), second.stderr)
        once = self.agent.once()
        self.assertEqual(once.returncode, 1)
        self.assertIn(str(self.agent.process.pid), once.stderr)
        code, text = self.sync()
        self.assertEqual(code, 0, text)

    def test_a_bus_that_goes_and_comes_is_waited_for(self):
        self.start()
        self.wait_applied()
        self.wait_name()
        self.bus.process.terminate()
        self.bus.process.wait(10)
        self.wait_log("not on the system bus")
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        lib.wait_for("the sysctl without a bus", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        self.assertEqual(self.agent.stop(), 0)


class SilentServer(DaemonCase):
    """A server that accepts and then says nothing: it may cost a deadline, not the daemon."""

    needs_bus = True

    def setUp(self):
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        # Ends accept() below, which else goes on with whatever socket gets this number next. Cleanups run backwards.
        self.addCleanup(self.server.shutdown, socket.SHUT_RDWR)
        self.asked = threading.Event()
        self.held = []
        self.addCleanup(lambda: [connection.close() for connection, _ in self.held])
        threading.Thread(target=self.accept, daemon=True).start()
        self.agent.environment = lambda: dict(lib.Agent.environment(self.agent), WATCHDOG_USEC="1000000")
        # A good generation first; then the remote is another one.
        self.start()
        self.wait_applied()
        self.assertEqual(self.agent.stop(), 0)
        port = self.server.getsockname()[1]
        self.repository.url = f"https://127.0.0.1:{port}/infra.git"
        self.start(interval="1h")
        self.assertTrue(self.asked.wait(20), self.log())

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.held.append(self.server.accept())
                self.asked.set()

    def test_ends_within_seconds(self):
        pid = self.agent.process.pid
        begin = time.monotonic()
        self.assertEqual(self.agent.stop(seconds=30), 0)
        self.assertLess(time.monotonic() - begin, 9)  # less than the bound of a forced end
        self.assertNotIn("does not end in time", self.log())
        left = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
        self.assertEqual(left.strip(), "")

    def test_the_watchdog_is_fed_meanwhile(self):
        self.agent.messages.clear()
        lib.wait_for("three keep-alives", lambda: self.agent.notified("WATCHDOG=1")
                     and self.agent.messages.count("WATCHDOG=1") >= 3)
        self.assertNotIn("cannot reconcile", self.log())

    def test_drift_is_put_back_meanwhile(self):
        good = self.manifest().read_text()
        self.manifest().write_text("x")
        lib.wait_for("the manifest", lambda: self.manifest().read_text() == good)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        lib.wait_for("the sysctl", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        self.assertNotIn("cannot reconcile", self.log())  # the server was still being waited for

    def test_commands_do_not_wait_for_it(self):
        begin = time.monotonic()
        code, text = self.call("Suspend", "sx", "quiet", "0")
        self.assertEqual(code, 0, text)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertNotIn("cannot reconcile: ", self.log().replace("suspended", ""))

    def test_who_waits_for_a_daemon_that_dies_is_told(self):
        self.wait_name()
        waiting = subprocess.Popen([str(lib.CLI), "--root", str(self.tree.path), "sync"], env=self.agent.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(waiting.kill)
        time.sleep(3)  # until it has asked, which nothing tells
        self.assertIsNone(waiting.poll())
        self.agent.process.kill()
        out, err = waiting.communicate(timeout=30)
        self.assertEqual(waiting.returncode, 1, out + err)
        self.assertTrue(err.startswith("bedplate: sync: the daemon's Sync: the daemon or the bus ended"), err)
        self.assertIn("may have been done", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
