#!/usr/bin/env python3
"""The daemon's own look at the disk: a sample in the state, DiskFit in the status, and an end that waits for no disk."""

import contextlib
import json
import pathlib
import shutil
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import agent as lib  # noqa: E402
from test_bench_disk import MS, SANITIZED, TESTS, disk_directory  # noqa: E402

MINUTE_NS = 60_000_000_000


def spread(name):
    """Of a node that measures each minute (agent/daemon/disk_job.cpp): what is added to the first minute."""
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001b3) % 2**64
    return value % MINUTE_NS


@unittest.skipIf(SANITIZED, "SKIPPED: the build is sanitized, nothing can be loaded before that")
class Daemon(unittest.TestCase):
    def setUp(self):
        base = disk_directory()
        pathlib.Path(base).chmod(0o755)
        self.addCleanup(shutil.rmtree, base, True)
        self.tree = lib.Tree(base)
        self.repository = lib.Repository(base)
        # The node of a hundred that begins first.
        self.name = min((f"web-{i:02}" for i in range(100)), key=spread)
        self.repository.commit({"node.yaml": "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nbenchmark:\n"
                                             "  disk: {every: 1m, for: 25s}\n"}, "often")
        self.tree.configure(self.repository, name=self.name)
        (self.tree / "var/lib/rancher/k3s/server/db/etcd").mkdir(parents=True)
        (self.tree / "proc/pressure").mkdir(parents=True)
        self.pressure(3)

    def pressure(self, percent):
        self.tree.write("proc/pressure/io", f"some avg10={percent:.2f} avg60=0.00 avg300=0.00 total=1\n"
                                            "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")

    def start(self, **slow):
        prefix = ["env", f"LD_PRELOAD={TESTS}/slow_sync.so", *(f"{k}={v}" for k, v in slow.items())]
        self.agent = lib.Agent(self.tree, prefix=prefix)
        self.addCleanup(self.agent.stop)
        self.began = time.monotonic()
        self.agent.start()

    def disk(self):
        return (self.agent.status().get("benchmarks") or {}).get("disk")

    def condition(self):
        return next(c for c in self.agent.status()["conditions"] if c["type"] == "DiskFit")

    def samples(self):
        with sqlite3.connect(f"file:{self.tree / 'var/lib/bedplate/state.db'}?mode=ro", uri=True) as db:
            return [json.loads(row[0]) for row in db.execute("SELECT json FROM samples WHERE probe = 'disk'")]

    def measures(self):
        """Whether the daemon holds the nameless file that a round writes to."""
        store = str(self.tree / "var/lib/rancher/k3s/server/db")
        links = []
        for fd in pathlib.Path(f"/proc/{self.agent.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(fd.readlink()))
        return any(link.startswith(store) and link.endswith("(deleted)") for link in links)

    def test_a_slow_disk_is_found_and_kept_and_told(self):
        self.start(SLOW_SYNC_MS=15)
        lib.wait_for("a first round", lambda: (self.disk() or {}).get("rounds"), 150)
        self.assertGreater(time.monotonic() - self.began, 60, "not at once after the start")
        disk = self.disk()
        self.assertEqual(disk["rounds"], 1)
        self.assertEqual(disk["operations"] + 0, sum(count for _, count in disk["buckets"]))
        self.assertGreaterEqual(disk["p50Ns"], 15 * MS)
        self.assertEqual(disk["verdict"], "unfit", disk["reason"])
        condition = self.condition()
        self.assertEqual((condition["status"], condition["reason"]), ("False", "Unfit"))
        samples = self.samples()
        self.assertEqual(len(samples), 1)
        self.assertLessEqual(samples[0]["operations"], 250)
        self.assertEqual(samples[0]["perSecond"], 10)
        # The next start knows it at once, and does not measure again for it.
        self.agent.stop()
        self.start()
        lib.wait_for("the sample of before", lambda: (self.disk() or {}).get("rounds") == 1, 30)
        self.assertEqual(self.condition()["reason"], "Unfit")
        # Within the minute that is left another limit makes another verdict, without a restart.
        self.repository.commit({"node.yaml": "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nbenchmark:\n"
                                             "  disk: {every: 1h, p99Limit: 10s}\n"}, "another limit")
        self.agent.cli("sync")
        self.agent.stop()
        self.start()
        lib.wait_for("the limit of before", lambda: "limit 10.00 s" in (self.disk() or {}).get("reason", ""), 30)

    def test_a_busy_disk_is_left_alone(self):
        self.pressure(64)
        self.start()
        lib.wait_for("the reason", lambda: (self.disk() or {}).get("skipped"), 150)
        self.assertIn("64 % of the last 10 s", self.disk()["skipped"]["reason"])
        self.assertEqual(self.condition()["status"], "Unknown")
        self.assertEqual(self.samples(), [])

    def test_the_end_does_not_wait_for_a_disk_that_hangs(self):
        self.start(SLOW_SYNC_MS=600_000)
        # It stands in a flush of its file, which has no name.
        lib.wait_for("a round that hangs", self.measures, 60 + spread(self.name) / 1e9 + 60)
        time.sleep(2)
        self.assertTrue(self.measures(), "the round has ended")
        stacks = [(task / "comm").read_text().strip() for task in pathlib.Path(
            f"/proc/{self.agent.process.pid}/task").iterdir()]
        self.assertIn("probe", stacks)
        # The engine and the loop go on meanwhile.
        self.assertEqual(self.agent.cli("status", "-o", "json").returncode in (0, 1, 2, 3), True)
        began = time.monotonic()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(self.samples(), [])


if __name__ == "__main__":
    unittest.main()
