#!/usr/bin/env python3
"""examples/infra stays what it says: a repository that `bedplate check --strict` finds nothing in, without secrets."""

import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

EXAMPLE = lib.SOURCE / "examples/infra"


class Example(unittest.TestCase):
    def check(self, directory, *arguments):
        return subprocess.run([str(lib.CLI), "check", str(directory), *arguments], capture_output=True, text=True,
                              timeout=60)

    def test_every_cluster_is_clean(self):
        clusters = sorted((EXAMPLE / "clusters").iterdir())
        self.assertEqual([c.name for c in clusters], ["oslo-prod", "oslo-staging"])
        for cluster in clusters:
            with self.subTest(cluster=cluster.name):
                done = self.check(cluster / "node", "--strict")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_sealed_file_needs_no_key_to_be_checked(self):
        sealed = EXAMPLE / "clusters/oslo-prod/node/k3s/registries.yaml.sealed"
        self.assertRegex(sealed.read_text(), r"\A[A-Za-z0-9+/]+=*\n\Z")
        done = self.check(EXAMPLE / "clusters/oslo-prod/node", "--strict")
        self.assertIn("k3s/registries.yaml.sealed: note: sealed: its form is good; what is in it cannot be checked here",
                      done.stdout)

    def test_what_the_ci_job_would_catch(self):
        # The job is worth something only if a broken file in a copy makes it fail.
        tree = lib.Tree()
        self.addCleanup(tree.remove)
        source = EXAMPLE / "clusters/oslo-staging/node"
        for file in source.rglob("*"):
            if file.is_file():
                tree.write(f"node/{file.relative_to(source)}", file.read_text())
        tree.write("node/node.yaml", (source / "node.yaml").read_text().replace("tuning:", "tunnig:"))
        done = self.check(tree / "node", "--strict")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("tunnig", done.stdout + done.stderr)

    def test_no_secret(self):
        pattern = re.compile(r"BEGIN [A-Z ]*PRIVATE KEY|^kind: Secret$|K10[0-9a-f]{64}|^\s*(token|password):\s*\S", re.MULTILINE)
        for file in EXAMPLE.rglob("*"):
            if file.is_file():
                self.assertIsNone(pattern.search(file.read_text()), file)


if __name__ == "__main__":
    unittest.main()
