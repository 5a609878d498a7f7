#!/usr/bin/env python3
"""The real bedplated with a worker that was taken over, and with a mirror that somebody has been at: the last good state
stays, it neither crashes nor hangs, and it holds less than 64 MiB.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from test_bad_input import Node
import agent as lib

MOST_KIB = 64 << 10
SANITIZED = b"__asan_init" in (lib.BUILD / "bedplated").read_bytes()


class WithPeak(Node):
    def setUp(self):
        super().setUp()
        # The worker stands beside the daemon: another one is put there.
        self.programs = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-programs-"))
        self.addCleanup(shutil.rmtree, self.programs)
        self.programs.chmod(0o755)
        shutil.copy(lib.DAEMON, self.programs)

    def worker(self, program):
        shutil.copy(program, self.programs / "bedplate-worker")

    def once(self):
        """One reconciliation: exit status, what it said, and the most memory that the daemon held (VmHWM, which the
        kernel keeps; it is asked until the end)."""
        peak = 0
        with tempfile.TemporaryFile("w+") as out:
            run = subprocess.Popen([self.programs / "bedplated", "--root", self.tree.path, "--once"],
                                   env=self.agent.environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            while run.poll() is None:
                told = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{run.pid}/status").read_text())
                peak = max(peak, int(told[1]) if told else 0)
                time.sleep(0.002)
            out.seek(0)
            said = out.read()
        self.assertGreater(peak, 1 << 10)
        return run.returncode, said, peak

    def stays_good(self, said, peak):
        self.assertEqual(self.state(), self.good, said)
        self.assertEqual(self.tree.read("var/lib/bedplate/accepted"), self.accepted)
        if not SANITIZED:
            self.assertLess(peak, MOST_KIB)


class TakenOver(WithPeak):
    def setUp(self):
        super().setUp()
        self.accepted = self.tree.read("var/lib/bedplate/accepted")
        self.worker(lib.BUILD / "tests/fake-worker")

    def tried(self, how):
        """The branch tells the stand-in how to lie."""
        timeout = "1s" if how in ("silent", "still") else "60s"
        self.tree.write("etc/bedplate/bedplate.conf.d/50-branch.conf",
                        f"[repository]\nbranch = {how}\ntimeout = {timeout}\n")
        return self.once()

    def test_each_lie_is_an_error_and_nothing_else(self):
        for how, word in [("garbage", "cannot be a frame"), ("long-frame", "cannot be a frame"),
                          ("unasked", "was not asked for"), ("crash", "signal 31"), ("exit", "status 3"),
                          ("silent", "no progress"), ("still", "no progress"), ("reason", "not known"),
                          ("endless-commits", "more new commits"), ("fat-commits", "more new commits")]:
            with self.subTest(how):
                code, said, peak = self.tried(how)
                self.assertEqual(code, 1, said)
                self.assertRegex(said, word)
                self.stays_good(said, peak)

    def test_at_first_contact_nothing_is_applied(self):
        # Nobody knows the head yet: all that it names is asked for.
        (self.tree / "var/lib/bedplate/accepted").unlink()
        for how, word in [("treeless", "not in the mirror"), ("fat-blobs", "InvalidClusterDirectory"),
                          ("refused-names", "InvalidClusterDirectory")]:
            with self.subTest(how):
                self.tree.write("etc/bedplate/bedplate.conf.d/40-path.conf",
                                "[repository]\npath = .\n[node]\ncluster = oslo-prod\n")
                code, said, peak = self.tried(how)
                self.assertEqual(code, 1, said)
                self.assertRegex(said, word)
                self.assertEqual(self.state(), self.good, said)
                if not SANITIZED:
                    self.assertLess(peak, MOST_KIB)


class BrokenMirror(WithPeak):
    def setUp(self):
        super().setUp()
        self.accepted = self.tree.read("var/lib/bedplate/accepted")
        self.worker(lib.WORKER)
        self.mirror = self.tree / "var/lib/bedplate/git/mirror.git"

    def packs(self):
        return sorted((self.mirror / "objects/pack").glob("*.pack"))

    def test_it_is_mended_or_an_error(self):
        def fifo(path):
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o666)

        def alternates():
            (self.mirror / "objects/info").mkdir(exist_ok=True)
            (self.mirror / "objects/info/alternates").write_text("/nonexistent/objects\n")

        for what, harm in [("FIFO as HEAD", lambda: fifo(self.mirror / "HEAD")),
                           ("FIFO as pack", lambda: fifo(self.packs()[0])),
                           ("cut off", lambda: os.truncate(self.packs()[0], 20)),
                           ("alternates", alternates)]:
            with self.subTest(what):
                harm()
                code, said, peak = self.once()
                self.stays_good(said, peak)
                if code:
                    self.assertNotEqual(said, "")
                    code, said, peak = self.once()
                self.assertEqual(code, 0, said)
                self.stays_good(said, peak)


if __name__ == "__main__":
    unittest.main()
