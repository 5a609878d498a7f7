#!/usr/bin/env python3
"""`bedplate bench disk` and the daemon's own look at the disk, held against fio and against disks that are slow."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

TESTS = lib.BUILD / "tests"
WANTED = (50.0, 90.0, 99.0, 99.9)
MS = 1_000_000
# A sanitizer wants to be the first that is loaded.
SANITIZED = b"libasan" in subprocess.run(["ldd", lib.BUILD / "bedplate"], stdout=subprocess.PIPE, check=False).stdout


def slow(**settings):
    return {**os.environ, "LD_PRELOAD": str(TESTS / "slow_sync.so"), **{k: str(v) for k, v in settings.items()}}


def on_disk(directory):
    kind = subprocess.run(["stat", "-f", "-c", "%T", directory], stdout=subprocess.PIPE, text=True, check=True).stdout
    return kind.strip() not in ("tmpfs", "ramfs")


def disk_directory():
    """A new directory on a disk."""
    for base in (None, "/var/tmp", str(lib.BUILD)):
        path = tempfile.mkdtemp(prefix="bedplate-bench-", dir=base)
        if on_disk(path):
            return path
        os.rmdir(path)
    raise unittest.SkipTest("SKIPPED: no directory here that lies on a disk")


class Bench(unittest.TestCase):
    def setUp(self):
        self.directory = disk_directory()
        self.addCleanup(shutil.rmtree, self.directory)

    def bench(self, *arguments, env=None, status=None):
        """JSON of `bedplate bench disk` on a tree of its own on a disk."""
        done = subprocess.run([lib.BUILD / "bedplate", "--root", self.directory, "-o", "json", "bench", "disk", "--path", "/",
                               *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)
        self.assertIn(done.returncode, (0, 1, 2, 3), done.stderr)
        disk = json.loads(done.stdout)["disk"]
        self.assertEqual(done.returncode, ["fit", "marginal", "unfit", "unknown"].index(disk["verdict"]))
        if status is not None:
            self.assertEqual(done.returncode, status, disk["reason"])
        self.assertEqual([e for e in os.listdir(self.directory) if e.startswith(".")], [], "something stayed")
        return disk


class SameAsFio(Bench):
    def percentiles(self, lines):
        done = subprocess.run([TESTS / "percentiles"], input="".join(f"{line}\n" for line in lines),
                              stdout=subprocess.PIPE, text=True, check=True)
        return [int(word) for word in done.stdout.split()]

    def test_the_same_samples_give_the_same_percentiles(self):
        if shutil.which("fio") is None:
            self.skipTest("SKIPPED: needs fio")
        log = pathlib.Path(self.directory) / "log"
        done = subprocess.run(
            ["fio", "--name=etcd", "--rw=write", "--ioengine=sync", "--fdatasync=1", "--size=4600k", "--bs=2300",
             f"--directory={self.directory}", "--output-format=json+", f"--write_lat_log={log}", "--log_offset=0",
             "--percentile_list=50:90:99:99.9"], stdout=subprocess.PIPE, text=True, check=True)
        job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
        checked = 0
        # Its buckets, each given by the value in its middle: of the syncs and of the writes.
        for name, times in (("sync", job["sync"]["lat_ns"]), ("write", job["write"]["clat_ns"])):
            bins = times["bins"]
            *ours, count = self.percentiles(f"{ns} {number}" for ns, number in bins.items())
            theirs = [times["percentile"][f"{p:.6f}"] for p in WANTED]
            self.assertEqual(ours, theirs, name)
            self.assertEqual(count, times["N"] if "N" in times else sum(bins.values()), name)
            self.assertGreater(count, 1500, name)
            checked += 1
        # Its log has each write by itself: the very samples.
        samples = [line.split(",")[1].strip() for line in (log.parent / "log_clat.1.log").read_text().splitlines()
                   if line.split(",")[2].strip() == "1"]
        *ours, count = self.percentiles(samples)
        self.assertEqual(ours, [job["write"]["clat_ns"]["percentile"][f"{p:.6f}"] for p in WANTED])
        self.assertEqual(count, job["write"]["clat_ns"]["N"])
        self.assertEqual(checked, 2)


@unittest.skipIf(SANITIZED, "SKIPPED: the build is sanitized, nothing can be loaded before that")
class SlowDisk(Bench):
    def test_a_delay_moves_p99_and_the_verdict(self):
        quick = self.bench("--for", "5s", "--paced")
        delayed = self.bench("--for", "5s", "--paced", env=slow(SLOW_SYNC_MS=15), status=2)
        self.assertEqual(delayed["verdict"], "unfit")
        self.assertGreaterEqual(delayed["p50Ns"], 15 * MS)
        self.assertGreaterEqual(delayed["p99Ns"], max(15 * MS, quick["p50Ns"]))
        self.assertGreaterEqual(delayed["p99HighNs"] or delayed["maxNs"], delayed["p99Ns"])
        self.assertLessEqual(delayed["p99LowNs"], delayed["p99Ns"])
        self.assertIn("limit 10 ms", delayed["reason"])
        self.assertLess(quick["p50Ns"], 15 * MS, "this disk is as slow by itself")

    def test_a_closed_loop_sees_it_too(self):
        delayed = self.bench("--for", "4s", "--force", env=slow(SLOW_SYNC_MS=15), status=2)
        self.assertEqual(delayed["closedLoop"]["verdict"], "unfit")
        self.assertIsNone(delayed["closedLoop"]["responseP99Ns"], "there is no schedule")
        self.assertGreater(delayed["closedLoop"]["operations"], 200)

    def test_a_stall_has_its_full_weight_in_the_response(self):
        # The preparation of the file is one sync, so this is the 101st write.
        disk = self.bench("--for", "10s", "--paced", "--force", env=slow(SLOW_SYNC_AT=102, SLOW_SYNC_AT_MS=2000))
        self.assertEqual(disk["operations"], 500)
        self.assertFalse(disk["stopped"])
        self.assertGreaterEqual(disk["maxNs"], 2000 * MS)
        self.assertGreaterEqual(disk["stalls"], 1)
        self.assertNotEqual(disk["verdict"], "fit")
        late = sum(count for index, count in disk["responseBuckets"] if value_of(index) > 100 * MS)
        slow_ones = sum(count for index, count in disk["buckets"] if value_of(index) > 100 * MS)
        # 2 s at 50 a second: those due in the first 1.9 s waited for more than 100 ms. A disk of its own may add some.
        self.assertGreaterEqual(late, 94)
        self.assertLess(slow_ones, late / 4)
        self.assertGreaterEqual(disk["responseP90Ns"], 900 * MS, "a tenth of all callers waited about a second or more")
        if slow_ones == 1:
            self.assertLess(disk["p99Ns"], 500 * MS, "as a service time it is one of 500")

    def test_a_run_that_ends_at_a_stall_counts_who_waited(self):
        # What looks like an etcd makes it careful.
        proc = pathlib.Path(self.directory) / "proc/812"
        proc.mkdir(parents=True)
        (proc / "comm").write_text("etcd\n")
        disk = self.bench("--for", "10s", env=slow(SLOW_SYNC_AT=52, SLOW_SYNC_AT_MS=2000))
        self.assertTrue(disk["stopped"])
        self.assertLessEqual(disk["operations"], 51)
        self.assertIsNone(disk["closedLoop"])
        self.assertEqual(disk["closedLoopSkipped"], "ended early")
        late = sum(count for index, count in disk["responseBuckets"] if value_of(index) > 100 * MS)
        self.assertGreaterEqual(late, 94)
        self.assertEqual(disk["verdict"], "marginal", disk["reason"])

    def test_beside_an_etcd_there_is_no_closed_loop(self):
        proc = pathlib.Path(self.directory) / "proc/812"
        proc.mkdir(parents=True)
        (proc / "comm").write_text("etcd\n")
        disk = self.bench("--for", "1s")
        self.assertIsNone(disk["closedLoop"])
        self.assertIn("process 812 is etcd", disk["closedLoopSkipped"])

    def test_checkpoints_are_judged_where_sqlite_is(self):
        database = pathlib.Path(self.directory) / "var/lib/rancher/k3s/server/db/state.db"
        database.parent.mkdir(parents=True)
        database.write_text("x")
        done = subprocess.run([lib.BUILD / "bedplate", "--root", self.directory, "-o", "json", "bench", "disk", "--for", "5s",
                               "--paced"], env=slow(SLOW_SYNC_MS=15), stdout=subprocess.PIPE, text=True, check=False)
        disk = json.loads(done.stdout)["disk"]
        self.assertEqual((disk["datastore"], disk["judgedBy"]), ("sqlite", "checkpoints"))
        self.assertGreaterEqual(disk["p99Ns"], 15 * MS)
        self.assertEqual(disk["checkpoint"]["operations"], 20)
        self.assertGreaterEqual(disk["checkpoint"]["p50Ns"], 30 * MS, "two flushes each")
        self.assertIn("SQLite flushes at checkpoints only: p90", disk["reason"])
        self.assertNotEqual(disk["verdict"], "unfit", disk["reason"])

    def test_ctrl_c_gives_what_it_has(self):
        process = subprocess.Popen([lib.BUILD / "bedplate", "--root", self.directory, "-o", "json", "bench", "disk", "--path",
                                    "/", "--for", "60s"], stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        disk = json.loads(out)["disk"]
        self.assertTrue(disk["stopped"])
        self.assertGreater(disk["operations"], 10)
        self.assertLess(disk["operations"], 3000)
        self.assertIsNone(disk["closedLoop"])


class Screen(Bench):
    def test_fits_80_columns_in_ascii_and_unicode(self):
        for locale, letters in (("C", "#"), ("C.UTF-8", "█▏▎▍▌▋▊▉")):
            env = {**os.environ, "LC_ALL": locale}
            done = subprocess.run([lib.BUILD / "bedplate", "--root", self.directory, "bench", "disk", "--path", "/", "--for",
                                   "5s"], env=env, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
            self.assertTrue(any(letter in done.stdout for letter in letters), done.stdout)
            for line in done.stdout.splitlines():
                self.assertLessEqual(len(line), 80, line)
            for word in ("p99", "95 % interval", "fdatasync", "response", "closed loop", "limit", "verdict"):
                self.assertIn(word, done.stdout)


def value_of(index):
    """The middle of a bucket of fio (stat.c)."""
    if index < 128:
        return index
    dropped = (index >> 6) - 1
    return (1 << (dropped + 6)) + ((index & 63) << dropped) + (1 << (dropped - 1))


if __name__ == "__main__":
    lib.main() if hasattr(lib, "main") else unittest.main()
