#!/usr/bin/env python3
"""`bedplate bench` as it prints: its JSON against docs/bench.schema.json, and the live table on a terminal."""

import copy
import json
import os
import pathlib
import pty
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((lib.SOURCE / "docs/bench.schema.json").read_text())
NO_SCHEMA = "SKIPPED: python3-jsonschema is not installed"


def bench(*arguments, root="/"):
    return subprocess.run([lib.CLI, "--root", root, "bench", *arguments], text=True, capture_output=True, timeout=120)


def is_valid(value):
    return not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(value))


class Schema(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.tree.write("var/lib/x", "")
        for name in ("stat", "cpuinfo", "meminfo", "self/mountinfo"):
            self.tree.write("proc/" + name, pathlib.Path("/proc", name).read_text())

    def check(self, text):
        value = json.loads(text)
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.validate(value, SCHEMA, jsonschema.Draft202012Validator)
        return value

    @unittest.skipUnless(jsonschema, NO_SCHEMA)
    def test_all_on_a_tree_and_the_schema_refuses_what_is_wrong(self):
        done = bench("all", "--for", "1s", "-o", "json", root=str(self.tree.path))
        self.assertIn(done.returncode, (0, 1, 2, 3), done.stderr)
        value = self.check(done.stdout)
        for part in ("card", "disk", "steal", "pressure"):
            self.assertIsNotNone(value[part], part)
        self.assertIsNone(value["steal"]["hidden"]["ratio"])
        self.assertIn("a tree of files has no CPUs", value["steal"]["hidden"]["why"])
        for break_it in (lambda v: v.pop("card"), lambda v: v["disk"].pop("p99Ns"),
                         lambda v: v["steal"].update(ratio=1.5), lambda v: v["steal"]["windows"].pop("5m"),
                         lambda v: v["steal"].update(verdict="good"), lambda v: v["card"].update(memoryBytes="1")):
            broken = copy.deepcopy(value)
            break_it(broken)
            self.assertFalse(is_valid(broken))

    @unittest.skipUnless(jsonschema, NO_SCHEMA)
    def test_steal_of_this_machine(self):
        value = self.check(bench("steal", "--for", "3s", "-o", "json").stdout)
        self.assertIsNone(value["disk"])
        steal = value["steal"]
        self.assertGreaterEqual(steal["windowNs"], 3_000_000_000)
        if steal["hidden"]["bursts"] == 0:
            self.skipTest("SKIPPED: this kernel does not say who was the cause of a gap")
        self.assertEqual({one["cpu"] for one in steal["cpus"]} & os.sched_getaffinity(0), os.sched_getaffinity(0))

    def test_a_window_that_is_none_is_a_usage_error(self):
        for window in ("0s", "x", "2h"):
            done = bench("steal", "--for", window)
            self.assertEqual(done.returncode, 64, window)
            self.assertIn("--for", done.stderr)


class Live(unittest.TestCase):
    def test_off_a_terminal_there_are_lines_and_no_escapes(self):
        done = bench("steal", "--for", "6s")
        self.assertRegex(done.stdout, r"\n +5 s  steal .*hidden ")
        self.assertRegex(done.stdout, r"verdict +(fit|marginal|unfit|unknown)")
        self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_on_a_terminal_the_table_is_redrawn_and_gone_at_the_end(self):
        main, side = pty.openpty()
        with subprocess.Popen([lib.CLI, "bench", "steal", "--for", "3s"], stdin=side, stdout=side, stderr=side,
                              env=dict(os.environ, TERM="xterm")) as process:
            os.close(side)
            text = b""
            while True:
                try:
                    part = os.read(main, 4096)
                except OSError:
                    break
                if not part:
                    break
                text += part
            process.wait(30)
        os.close(main)
        text = text.decode()
        self.assertIn("1 of 3 s", text)
        self.assertIn("2 of 3 s", text)
        self.assertRegex(text, "\x1b\\[\\d+F\x1b\\[J +CPU")
        self.assertIn("verdict", text.rsplit("\x1b[J", 1)[1])


if __name__ == "__main__":
    unittest.main()
