#!/usr/bin/env python3
"""The command `bedplate trust verify`: ranges, --path, formats, clones as CI has them, a node."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import signing  # noqa: E402
from trust_case import ADA, Peers, skip_what_cannot_be  # noqa: E402


def setUpModule():
    skip_what_cannot_be()


class Verb(Peers):
    def chain(self, *steps):
        """(tree, key or None) on top of each other; gives the commits."""
        commits, tip = [], self.repository.base
        for number, (tree, key) in enumerate(steps):
            payload = self.repository.payload(f"step {number}", parents=[tip], tree=self.repository.make_tree(tree))
            tip = self.repository.signed(payload, self.keys.sign(key, payload)) if key else self.repository.write(payload)
            commits.append(tip)
        self.repository.point(tip)
        return commits

    def test_ranges(self):
        commits = self.chain(({"a": "1"}, "ed25519"), ({"a": "2"}, None), ({"a": "3"}, "ecdsa256"))
        keys = ["--allowed-signers", self.allow("ed25519", "ecdsa256")]
        verify = self.repository.bedplate
        self.assertIn(f"good     {commits[2][:7]} {ADA} ECDSA {self.keys.fingerprint('ecdsa256')} | step 2\n",
                      verify(*keys, status=0).stdout)
        done = verify(f"{self.repository.base}..main", *keys, status=1)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["good", "unsigned", "good", "3"])
        self.assertIn("3 commits: 1 not signed as they must be", done.stdout)
        self.assertEqual(len(verify("main~1..", *keys, status=0).stdout.splitlines()), 2)
        self.assertEqual(verify("main..main", *keys, status=0).stdout, "0 commits: all that must be signed are\n")
        verify("main~1", *keys, status=1)
        verify("main~2", *keys, status=0)
        self.assertIn("nowhere", verify("nowhere..main", *keys, status=1).stderr)
        self.assertIn("git merge-base", verify("main..main~1", *keys, status=1).stderr)
        self.assertIn("no range", verify("main...main~1", *keys, status=1).stderr)
        self.assertIn("no range", verify("..main", *keys, status=1).stderr)

    def test_only_the_path_matters(self):
        node = {"clusters": {"oslo": {"node": {"x": "1"}}}, "apps": {"a": "1"}}
        apps = {"clusters": {"oslo": {"node": {"x": "1"}}}, "apps": {"a": "2"}}
        more = {"clusters": {"oslo": {"node": {"x": "2"}}}, "apps": {"a": "2"}}
        self.chain((node, "ed25519"), (apps, None), (more, "ed25519"))
        arguments = [f"{self.repository.base}..main", "--allowed-signers", self.allow("ed25519"), "--path", "clusters/oslo/node"]
        done = self.repository.bedplate(*arguments, status=0)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["good", "exempt", "good", "3"])
        told = json.loads(self.repository.bedplate(*arguments, "-o", "json", status=0).stdout)
        self.assertEqual((told["passed"], told["failed"], told["path"]), (True, 0, "clusters/oslo/node"))
        self.assertEqual([one["mustBeSigned"] for one in told["commits"]], [True, False, True])
        self.chain((node, "ed25519"), (apps, None), (more, None))
        self.repository.bedplate(*arguments, status=1)
        # A merge that takes a side's tree for its own answers for it.
        side = self.repository.write(self.repository.payload("side", tree=self.repository.make_tree(more)))
        main = self.chain((node, "ed25519"))[0]
        self.repository.point(self.repository.write(self.repository.payload("merge", parents=[main, side],
                                                                            tree=self.repository.make_tree(node))))
        done = self.repository.bedplate(*arguments, status=1)
        self.assertEqual(sorted(line.split()[0] for line in done.stdout.splitlines()), ["3", "good", "unsigned", "unsigned"])

    def test_a_clone_as_ci_has_it(self):
        self.chain(({"a": "1"}, "ed25519"), ({"a": "2"}, "ed25519"))
        clone = self.keys.path / "clone"
        signing.run("git", "clone", "-q", self.repository.path, clone)
        signing.run("git", "-C", clone, "checkout", "-q", "--detach")
        signing.run("git", "-C", clone, "worktree", "add", "-q", self.keys.path / "linked")
        for place in (clone, self.keys.path / "linked"):
            done = subprocess.run([lib.CLI, "trust", "verify", "origin/main~1..HEAD", "--repo", place, "--allowed-signers",
                                   self.allow("ed25519")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        shallow = self.keys.path / "shallow"
        signing.run("git", "clone", "-q", "--depth", "1", f"file://{self.repository.path}", shallow)
        done = subprocess.run([lib.CLI, "trust", "verify", "--path", "a", "--repo", shallow, "--allowed-signers",
                               self.allow("ed25519")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("git fetch --unshallow", done.stderr)
        done = subprocess.run([lib.CLI, "trust", "verify", "--repo", self.keys.path, "--allowed-signers",
                               self.allow("ed25519")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("name the top of a work tree", done.stderr)

    def test_a_bare_clone_is_left_as_it_was(self):
        self.chain(({"a": "1"}, "ed25519"))
        before = sorted((str(p), p.stat().st_mtime_ns) for p in self.repository.path.rglob("*"))
        self.repository.bedplate("--allowed-signers", self.allow("ed25519"), status=0)
        self.assertEqual(sorted((str(p), p.stat().st_mtime_ns) for p in self.repository.path.rglob("*")), before)

    def test_on_a_node(self):
        commits = self.chain(({"node": {"x": "1"}}, "ed25519"), ({"node": {"x": "2"}}, None))
        tree = lib.Tree()
        self.addCleanup(tree.remove)
        tree.write("etc/bedplate/allowed_signers", self.allow("ed25519").read_text())
        tree.write("etc/bedplate/bedplate.conf",
                   f"[repository]\nurl = file://{self.repository.path}\npath = node\n[trust]\n"
                   f"allowed-signers = /etc/bedplate/allowed_signers\nminimum-commit = {self.repository.base}\n")
        done = subprocess.run([lib.CLI, "--root", tree.path, "trust", "verify"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["good", "unsigned", "2"])
        done = subprocess.run([lib.CLI, "--root", tree.path, "trust", "verify", commits[0]], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
