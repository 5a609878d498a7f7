"""What the tests of signatures share: keys of every kind, a repository, and verdicts of git and bedplate side by side."""

import unittest

import signing

ADA, YEAR = "ada@nordic-corp.no", 365 * 24 * 3600
KINDS = {"ed25519": ("ed25519",), "ecdsa256": ("ecdsa", "-b", "256"), "ecdsa384": ("ecdsa", "-b", "384"),
         "ecdsa521": ("ecdsa", "-b", "521"), "rsa2048": ("rsa", "-b", "2048"), "rsa3072": ("rsa", "-b", "3072")}


def skip_what_cannot_be():
    """For setUpModule: without the peers there is nothing to compare with."""
    if signing.missing():
        raise unittest.SkipTest(f"SKIPPED: not installed: {signing.missing()}")


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # gpg leaves an agent behind, also where a class does not come to its end.
        cls.keys = signing.Keys()
        cls.addClassCleanup(cls.keys.remove)
        cls.repository = signing.Repository()
        cls.addClassCleanup(cls.repository.remove)
        for name, kind in KINDS.items():
            cls.keys.ssh(name, *kind)

    def file(self, name, *lines):
        path = self.keys.path / name
        if lines and isinstance(lines[0], bytes):
            path.write_bytes(lines[0])
        else:
            path.write_text("".join(line + "\n" for line in lines))
        return path

    def allow(self, *names, options=""):
        return self.file("allowed", *(f"{ADA} {options} {self.keys.public(name)}" for name in names))

    def compare(self, cases, allowed, revoked=None, ring=None):
        """cases: name -> (commit, git, bedplate's reason). Where the two differ is written in the case itself."""
        verdicts = self.repository.bedplate_says([commit for commit, _, _ in cases.values()], allowed, revoked, ring)
        for name, (commit, git, reason) in cases.items():
            with self.subTest(name):
                self.assertEqual(verdicts[commit]["reason"], reason, verdicts[commit])
                self.assertEqual(verdicts[commit]["verdict"] == "good", reason == "Good")
                self.assertEqual(self.repository.git_says(commit, allowed, revoked, self.keys.home), git)
        return verdicts

    def agree(self, commits, allowed, ring=None):
        verdicts = self.repository.bedplate_says(list(commits.values()), allowed, ring=ring)
        for name, commit in commits.items():
            with self.subTest(name):
                git = self.repository.git_says(commit, allowed, home=self.keys.home)
                self.assertEqual(verdicts[commit]["verdict"] == "good", git, verdicts[commit])
        return verdicts
