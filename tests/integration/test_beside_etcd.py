#!/usr/bin/env python3
"""A paced probe beside a real etcd: `etcdctl check perf` still passes, and etcd's own fsyncs take no longer.

Three runs of a minute: without the probe, with it, without. On a machine that is busy with other things two runs without
it differ as well: then all three are made once more, and where etcd does not pass by itself there is nothing to say.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import agent as lib  # noqa: E402
from test_bench_disk import disk_directory  # noqa: E402

# What the mean may be above the slower run without the probe. Runs without it differ by as much: 290 to 460 us were
# measured one after the other on one quiet machine.
SPREAD = 1.5


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class BesideEtcd(unittest.TestCase):
    def setUp(self):
        for program in ("etcd", "etcdctl"):
            if shutil.which(program) is None:
                self.skipTest(f"SKIPPED: needs {program} (Debian: etcd-server, etcd-client)")
        self.directory = disk_directory()
        self.addCleanup(shutil.rmtree, self.directory, True)
        client, peer, self.metrics = free_ports(3)
        self.endpoint = f"http://127.0.0.1:{client}"
        log = tempfile.TemporaryFile()
        self.addCleanup(log.close)
        self.etcd = subprocess.Popen(
            ["etcd", "--name=t", f"--data-dir={self.directory}/etcd", f"--listen-client-urls={self.endpoint}",
             f"--advertise-client-urls={self.endpoint}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
             f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}", f"--initial-cluster=t=http://127.0.0.1:{peer}",
             f"--listen-metrics-urls=http://127.0.0.1:{self.metrics}"], stdout=log, stderr=log)
        self.addCleanup(self.etcd.wait)
        self.addCleanup(self.etcd.terminate)
        lib.wait_for("etcd", self.healthy, 60)

    def healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/health", timeout=5) as answer:
                return b"true" in answer.read()
        except OSError:
            return False

    def fsyncs(self):
        """Count and sum of seconds of what etcd flushed."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = {line.split()[0].rsplit("_", 1)[1]: float(line.split()[1]) for line in text.splitlines()
                 if line.startswith("etcd_disk_wal_fsync_duration_seconds_") and "_bucket" not in line}
        return found["count"], found["sum"]

    def run_perf(self, probe):
        """Whether etcd passed, and the mean of its fsyncs in seconds."""
        process = None
        if probe:
            process = subprocess.Popen(
                [lib.BUILD / "bedplate", "--root", self.directory, "bench", "disk", "--path", "/", "--for", "10m", "--rate", "50",
                 "--paced", "--force"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(1)
            before = self.fsyncs()
            done = subprocess.run(["etcdctl", f"--endpoints={self.endpoint}", "check", "perf", "--load=s"],
                                  env={**os.environ, "ETCDCTL_API": "3"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=180, check=False)
            after = self.fsyncs()
            if process:
                self.assertIsNone(process.poll(), "the probe has run all the time")
        finally:
            if process:
                process.terminate()
                process.wait()
        lines = [line for line in done.stdout.replace("\r", "\n").splitlines() if line.startswith(("PASS", "FAIL"))]
        self.assertTrue(lines, done.stdout)
        mean = (after[1] - before[1]) / max(after[0] - before[0], 1)
        passed = all(line.startswith("PASS") for line in lines)
        print(f"{'with' if probe else 'without'} the probe: {'PASS' if passed else 'FAIL'}, {after[0] - before[0]:.0f} fsyncs, "
              f"mean {mean * 1e6:.0f} us", flush=True)
        return passed, mean

    def test_it_passes_as_before_and_flushes_as_fast(self):
        for last in (False, True):
            runs = [self.run_perf(probe) for probe in (False, True, False)]
            (first, mean_first), (beside, mean_beside), (second, mean_second) = runs
            if not (first and second):
                if last:
                    self.skipTest("SKIPPED: etcd does not pass on this machine without the probe either")
                continue
            slower = max(mean_first, mean_second)
            if beside and mean_beside <= slower * SPREAD:
                return
            self.assertFalse(last, f"beside the probe: passed {beside}, mean {mean_beside * 1e6:.0f} us, without it at most "
                                   f"{slower * 1e6:.0f} us")


if __name__ == "__main__":
    unittest.main()
