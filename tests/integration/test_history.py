#!/usr/bin/env python3
"""Who may move a node: attacks on the history of a branch, over a real SSH server, with real signatures."""

import os
import pathlib
import shutil
import sys
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import git_ssh  # noqa: E402
import signing  # noqa: E402

CONF = "sysctl.d/any.conf"
ADA = "ada@nordic-corp.no"


def setUpModule():
    if signing.missing() or not os.access(git_ssh.SSHD, os.X_OK):
        raise unittest.SkipTest(f"SKIPPED: not installed: {signing.missing() or 'sshd'}")


def utc(seconds_from_now):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds_from_now))


class History(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.keys = git_ssh.SshServer(), signing.Keys()
        cls.addClassCleanup(cls.server.stop)
        cls.addClassCleanup(cls.keys.remove)
        for name in ("ada", "other", "guest"):
            cls.keys.ssh(name)
        cls.keys.gpg_key(f"Ada <{ADA}>")

    def setUp(self):
        self.repository, self.tree, self.bus = lib.Repository(), lib.Tree(), lib.Bus()
        for made in (self.repository, self.tree):
            self.addCleanup(made.remove)
        self.addCleanup(self.bus.stop)
        self.tree.sysctl("kernel.panic", "0")
        self.tree.write("etc/bedplate/deploy", self.server.key.read_text(), 0o600)
        self.tree.write("etc/bedplate/known_hosts", self.server.known_hosts.read_text())
        self.allow(f"{ADA} {self.keys.public('ada')}", f"{ADA} {self.keys.public('other')}")
        self.agent = lib.Agent(self.tree, self.bus)
        self.addCleanup(self.agent.stop)
        self.commits = 0

    def allow(self, *lines):
        self.tree.write("etc/bedplate/allowed_signers", "".join(f"{line}\n" for line in lines))

    def configure(self, trust="allowed-signers = /etc/bedplate/allowed_signers\n", repository=None):
        repository = repository or self.repository
        self.tree.configure(repository)
        self.tree.write("etc/bedplate/bedplate.conf.d/10-trust.conf",
                        f"[repository]\nurl = {self.server.url(repository)}\nssh-key = /etc/bedplate/deploy\n"
                        f"known-hosts = /etc/bedplate/known_hosts\n[trust]\n{trust}")

    def begin(self, key="ada", **options):
        """Signed, and in force."""
        first = self.commit(1, key)
        self.configure(**options)
        self.agent.start()
        self.wait_panic(1)
        return first

    def commit(self, panic=None, key=None, files=None, when=None, push=True, amend=False):
        """A commit with kernel.panic = this, signed with this key (or "gpg"), or not signed."""
        self.commits += 1
        for name, text in (files or {}).items():
            file = self.repository.clone / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        if panic is not None:
            file = self.repository.clone / self.repository.directory / CONF
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"kernel.panic = {panic}\n")
        options = []
        if key == "gpg":
            options = ["-c", "gpg.format=openpgp", "-c", f"user.signingkey={ADA}"]
        elif key:
            options = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys.path / key}"]
        self.repository.run("add", "-A")
        dated = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when} if when else {}
        with unittest.mock.patch.dict(os.environ, dict(dated, GNUPGHOME=str(self.keys.home))):
            self.repository.run(*options, "commit", "-q", "--allow-empty", "-m", f"change {self.commits}",
                                *(["-S"] if key else []), *(["--amend"] if amend else []))
        if push:
            self.push()
        return self.repository.run("rev-parse", "HEAD")

    def push(self, *options):
        self.repository.run("push", "-q", *(options or ["origin", "HEAD:main"]))

    def sync(self, status=None):
        done = self.agent.cli("sync")
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def panic(self):
        return self.tree.sysctl("kernel.panic")

    def wait_panic(self, value):
        lib.wait_for(f"kernel.panic = {value}; {self.agent.log.read_text()[-2000:]}", lambda: self.panic() == str(value), 30)

    def condition(self, kind="SourceVerified"):
        return next(c for c in self.agent.status()["conditions"] if c["type"] == kind)

    def refused(self, reason, *words, stays=1):
        """A sync that moves nothing, and says why."""
        said = self.sync(1)
        for word in words:
            self.assertIn(word, said)
        condition = self.condition()
        self.assertEqual((condition["status"], condition["reason"]), ("False", reason))
        self.assertEqual(self.panic(), str(stays))
        return said

    def accept(self, commit):
        self.assertEqual(self.agent.cli("trust", "accept", commit).returncode, 0)

    # Signatures

    def test_an_unsigned_commit_in_the_middle(self):
        self.begin()
        good = self.commit(2, "other", push=False)
        bad = self.commit(3, None, push=False)
        last = self.commit(4, "ada")
        said = self.refused("SignatureRefused", bad[:7], "is not signed, and says it is by Ada", good[:7], stays=2)
        self.assertIn(f"bedplate trust accept {bad}", said)
        self.assertEqual(self.agent.cli("status").returncode, 2)
        self.assertIn(bad[:7], self.agent.cli("status").stdout)
        verify = self.agent.cli("trust", "verify", f"{good}..{last}").stdout
        self.assertEqual([line.split()[0] for line in verify.splitlines()], ["unsigned", "good", "2"])
        self.sync(1)  # and stays there
        self.assertEqual(self.panic(), "2")
        self.accept(bad)
        self.wait_panic(4)
        self.sync(0)
        self.assertEqual(self.condition()["status"], "True")
        self.assertIn(f"accepted     operator  {bad[:7]}", self.agent.cli("history").stdout)

    def test_keys_that_do_not_count(self):
        self.begin()
        for key, words in (("guest", "not among the allowed signers"), ("gpg", "there is no gpg-keyring")):
            self.commit(2, key)
            self.refused("SignatureRefused", words)
            self.push("-f", "origin", "HEAD~1:main")
            self.repository.run("reset", "-q", "--hard", "HEAD~1")
        self.allow(f"{ADA} {self.keys.public('other')}")
        self.commit(2, "ada")
        self.refused("SignatureRefused", "not among the allowed signers")
        # What is put right here is taken without a new commit.
        self.allow(f"{ADA} {self.keys.public('other')}", f"{ADA} {self.keys.public('ada')}")
        self.sync(0)
        self.assertEqual(self.panic(), "2")

    def test_a_revoked_key_and_openpgp(self):
        self.tree.write("etc/bedplate/revoked", self.keys.public("other") + "\n")
        (self.tree / "etc/bedplate/ring.gpg").write_bytes(self.keys.ring(ADA))
        self.begin("gpg", trust="allowed-signers = /etc/bedplate/allowed_signers\nrevoked-keys = /etc/bedplate/revoked\n"
                   "gpg-keyring = /etc/bedplate/ring.gpg\n")
        self.commit(2, "gpg")
        self.sync(0)
        self.commit(3, "other")
        self.refused("SignatureRefused", "revoked", stays=2)

    def test_an_expired_key_whose_commit_is_dated_back(self):
        self.allow(f"{ADA} {self.keys.public('ada')}",
                   f'{ADA} valid-before="20200101Z" {self.keys.public("other")}')
        self.begin()
        self.commit(2, "other", when="2019-06-01T12:00:00Z")
        self.refused("SignatureRefused", "was valid until 2020-01-01")

    def test_the_first_sight_of_a_commit_counts(self):
        until = utc(6)
        self.allow(f"{ADA} {self.keys.public('ada')}", f'{ADA} valid-before="{until}" {self.keys.public("other")}')
        self.begin()
        bad = self.commit(2, None, push=False)
        self.commit(3, "other")
        self.refused("SignatureRefused", bad[:7])
        lib.wait_for("the key to expire", lambda: utc(0) > until, 20)
        self.agent.stop()
        self.agent.start()  # it is written down
        self.accept(bad)
        self.wait_panic(3)
        self.commit(4, "other")
        self.refused("SignatureRefused", "was valid until", stays=3)

    def test_what_does_not_concern_the_node_needs_no_key(self):
        self.begin()
        self.commit(files={"apps/backend/image.yaml": "tag: 2\n"})
        self.sync(0)
        head = self.commit(2, "ada")
        self.sync(0)
        self.assertEqual((self.panic(), self.agent.status()["source"]["commit"]), ("2", head))

    def test_merges(self):
        self.begin()
        self.repository.run("checkout", "-q", "-b", "side")
        self.commit(2, None, push=False)
        self.repository.run("checkout", "-q", "main")
        self.commit(files={"apps/x": "1"}, push=False)
        sign = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys.path / 'ada'}"]
        self.repository.run(*sign, "merge", "-q", "--no-ff", "-S", "-m", "a signed merge of an unsigned branch", "side")
        self.push()
        self.refused("SignatureRefused", "is not signed")
        # One that quietly drops a signed change.
        self.repository.run("reset", "-q", "--hard", "HEAD~1")
        self.repository.run("checkout", "-q", "-B", "side")
        self.commit(2, "ada", push=False)
        self.repository.run("checkout", "-q", "main")
        self.commit(files={"apps/x": "2"}, push=False)
        self.repository.run("merge", "-q", "--no-ff", "-s", "ours", "-m", "drops it", "side")
        self.push("-f", "origin", "HEAD:main")
        self.refused("SignatureRefused", "drops it", "is not signed")

    def test_warned_it_goes_on(self):
        self.begin(trust="signatures = warn\nallowed-signers = /etc/bedplate/allowed_signers\n")
        self.commit(2, None)
        self.sync(0)
        self.assertEqual(self.panic(), "2")
        self.assertEqual(self.condition()["reason"], "SignatureRefused")
        status = self.agent.cli("status")
        self.assertEqual(status.returncode, 1)
        self.assertIn("is not signed", status.stdout)

    # First contact

    def test_the_first_head_must_be_signed_or_accepted(self):
        self.commit(1, "ada", push=False)
        head = self.commit(2, None)
        self.configure()
        self.agent.start()
        self.refused("SignatureRefused", head[:7], stays=0)
        self.accept(head)
        self.wait_panic(2)

    def test_the_first_head_must_come_after_the_minimum(self):
        minimum = self.commit(1, "ada")
        self.repository.run("checkout", "-q", "--orphan", "elsewhere")
        self.commit(2, "ada", push=False)
        self.push("-f", "origin", "HEAD:main")
        self.configure(trust=f"allowed-signers = /etc/bedplate/allowed_signers\nminimum-commit = {minimum}\n")
        self.agent.start()
        self.refused("NotDescendant", "minimum-commit", stays=0)

    # The branch

    def test_rewritten_and_rolled_back(self):
        first = self.begin()
        second = self.commit(2, "ada")
        self.sync(0)
        self.commit(3, "ada", amend=True, push=False)
        self.push("-f", "origin", "HEAD:main")
        self.refused("NotDescendant", stays=2)
        self.push("-f", "origin", f"{first}:main")  # an old one, signed and all
        self.refused("NotDescendant", stays=2)
        for lost in (self.tree / "var/lib/bedplate").glob("state.db*"):  # the floor outlives it
            self.agent.stop()
            lost.unlink()
        self.agent.start()
        self.refused("NotDescendant", stays=2)
        self.push("-f", "origin", f"{second}:main")
        self.sync(0)
        self.assertEqual(self.panic(), "2")

    def test_deleted_and_swapped(self):
        self.begin()
        self.repository.run("config", "receive.denyDeleteCurrent", "ignore", cwd=self.repository.remote)
        self.push("origin", ":main")
        self.refused("BranchNotFound")
        other = lib.Repository()
        self.addCleanup(other.remove)
        mine, self.repository = self.repository, other
        self.commit(5, "ada")  # another repository of the same signer, at the old address
        shutil.rmtree(mine.remote)
        shutil.copytree(other.remote, mine.remote)
        self.repository = mine
        self.refused("NotDescendant")

    def test_a_server_that_keeps_new_commits_back(self):
        self.begin(trust="allowed-signers = /etc/bedplate/allowed_signers\nmaximum-age = 6s\n")
        time.sleep(7)
        self.sync()
        lib.wait_for("the condition", lambda: self.condition()["reason"] == "CommitTooOld", 10)
        self.commit(2, "ada")
        self.sync(0)
        self.assertEqual(self.condition()["reason"], "Verified")
        self.assertEqual(self.panic(), "2")

    def test_a_branch_that_moves_during_the_fetch(self):
        self.begin()
        ended, signed = threading.Event(), {"1"}

        def push():
            for value in range(2, 30):
                if ended.is_set():
                    break
                key = "ada" if value % 2 else None
                if key:
                    signed.add(str(value))
                self.commit(value, key)
                if not key:  # and takes it back, before or after it was seen
                    self.repository.run("reset", "-q", "--hard", "HEAD~1")
                    self.push("-f", "origin", "HEAD:main")

        pusher = threading.Thread(target=push)
        pusher.start()
        seen = set()
        try:
            while pusher.is_alive():
                self.sync()
                seen.add(self.panic())
        finally:
            ended.set()
            pusher.join()
        self.sync(0)
        self.assertEqual(self.panic(), "29")
        self.assertLessEqual(seen, signed)
        self.assertGreater(len(seen), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
