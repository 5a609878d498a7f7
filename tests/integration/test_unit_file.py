#!/usr/bin/env python3
"""The systemd unit as it is written: what it may has a reason, and the score is what the documentation says."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
UNIT = TOP / "packaging/systemd/bedplated.service.in"
MOST = 40  # tenths


class Unit(unittest.TestCase):
    def setUp(self):
        self.text = UNIT.read_text()

    def settings(self, name):
        return " ".join(re.findall(rf"(?m)^{name}=(.*)$", self.text)).split()

    def test_every_capability_has_its_reason(self):
        capabilities = self.settings("CapabilityBoundingSet")
        self.assertGreater(len(capabilities), 4)
        reasons = "\n".join(re.findall(r"(?m)^# .*CAP_.*$", self.text))
        table = "\n".join(re.findall(r"(?m)^\| `CAP_.*$", (TOP / "docs/packaging.md").read_text()))
        for capability in capabilities:
            self.assertRegex(reasons, rf"{capability}\b.* {{3}}\S", f"{UNIT.name} gives no reason for {capability}")
            self.assertRegex(table, rf"`{capability}`", f"docs/packaging.md gives no reason for {capability}")
        for named in re.findall(r"CAP_\w+", reasons):
            self.assertIn(named, capabilities, "a reason for what it does not have")

    def test_the_workers_can_be_held(self):
        calls = self.settings("SystemCallFilter")
        for call in ("create_ruleset", "add_rule", "restrict_self"):
            self.assertIn(f"landlock_{call}", calls)

    def test_the_score(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "bedplated.service"
            unit.write_text(self.text.replace("@CMAKE_INSTALL_FULL_SBINDIR@", "/usr/sbin"))
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST}",
                                   unit], capture_output=True, text=True, check=False)
        if "unrecognized option" in done.stderr:
            self.skipTest("this systemd-analyze looks at no unit that is not loaded")
        self.assertEqual(done.returncode, 0, done.stdout[-200:] + done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
