#!/usr/bin/env python3
"""The daemon beside an etcd that listens where K3s has its own listen: its measurements stand for the disk.

Needs Debian's etcd (etcd-server) and root, for a network namespace in which its ports are free.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from daemon_case import DaemonCase  # noqa: E402

STORE = "var/lib/rancher/k3s/server/db/etcd"
METRICS = "http://127.0.0.1:2381"  # of K3s


class Etcd:
    def __init__(self, tree):
        self.log = tree / "etcd.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["etcd", "--data-dir", str(tree / STORE), "--listen-metrics-urls", METRICS,
                 "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
                 "--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
                 "--initial-cluster", "default=http://127.0.0.1:2380"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class PassiveReading(DaemonCase):
    needs_bus = False

    def disk(self):
        return (self.agent.status().get("benchmarks") or {}).get("disk") or {}

    def test_etcd_stands_for_the_disk(self):
        etcd = Etcd(self.tree)
        self.addCleanup(etcd.stop)
        lib.wait_for("etcd", lambda: "serving insecure client requests" in etcd.log.read_text(), seconds=60, every=0.1)
        self.start()
        disk = lib.wait_for("etcd in the status", lambda: self.disk().get("probe") == "etcd" and self.disk())
        # It was read once: nothing is said that was not measured.
        self.assertEqual(disk["verdict"], "unknown")
        self.assertEqual(disk["windowNs"], 0)
        self.assertTrue(disk["hasLeader"])
        self.assertIn("read once", self.agent.cli("status").stdout)
        self.assertNotIn("etcd's own measurements cannot be read", self.log())

    def test_without_the_datastore_of_k3s_nobody_is_asked(self):
        listener = socket.create_server(("127.0.0.1", 2381))
        self.addCleanup(listener.close)
        listener.settimeout(2)
        self.start()
        self.wait_applied()
        with self.assertRaises(TimeoutError):
            listener.accept()
        self.assertNotEqual(self.disk().get("probe"), "etcd")
        self.assertNotIn("etcd", self.log())

    def test_a_silent_etcd_holds_up_nothing(self):
        listener = socket.create_server(("127.0.0.1", 2381))
        self.addCleanup(listener.close)
        (self.tree / STORE).mkdir(parents=True)
        self.start()
        self.wait_applied()
        # While the worker waits for an answer: drift is put back, and the end comes at once.
        self.tree.sysctl("vm/max_map_count", "65530")
        lib.wait_for("repair", lambda: self.tree.sysctl("vm/max_map_count").strip() == "262144", seconds=20)
        begin = time.monotonic()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(time.monotonic() - begin, 5)


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    return 77


def main():
    if os.environ.get("BEDPLATE_TEST_INSIDE"):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        lib.loopback_up()
        unittest.main(verbosity=2)
    if not shutil.which("etcd"):
        return skip("no etcd here (Debian: etcd-server)")
    if os.geteuid() != 0:
        return skip("a network namespace needs root")
    own = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0:
        return skip("no namespaces here (unshare is refused)")
    return subprocess.run([*own, sys.executable, *sys.argv], env=dict(os.environ, BEDPLATE_TEST_INSIDE="1")).returncode


if __name__ == "__main__":
    sys.exit(main())
