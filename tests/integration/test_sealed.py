#!/usr/bin/env python3
"""Sealed files from end to end: made by our command line and by others, applied by the daemon, and then looked for
everywhere. The content must be in its place and nowhere else.

KUBESEAL_BIN names a kubeseal to try as well; without it that part is skipped, and says so.
"""

import base64
import json
import os
import pathlib
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import sealed_peer  # noqa: E402
from daemon_case import DaemonCase  # noqa: E402

REGISTRIES, DROP_IN = "etc/rancher/k3s/registries.yaml", "etc/rancher/k3s/config.yaml.d/50-token.yaml"
SEALING = "var/lib/bedplate/sealing"
LABEL = "oslo-prod/registries.yaml"
CANARY, OTHER = "hunter2-canary-7f3a", "swordfish-canary-19cc"


def registries(password):
    return f"configs:\n  registry.example.org:\n    auth: {{username: k3s, password: {password}}}\n"


def sealed(content, name="registries.yaml", cluster="oslo-prod"):
    return sealed_peer.seal(lib.PEER / "cert.pem", f"{cluster}/{name}", content.encode()) + "\n"


def forms(secret):
    """The secret, and what base64 makes of it wherever in a text it begins."""
    raw, found = secret.encode(), [secret.encode()]
    for before in range(3):
        text = base64.b64encode(b"x" * before + raw)
        found.append(text[(before * 4 + 2) // 3 + 1:len(text) - 4])
    return found


class Sealed(DaemonCase):
    def run_cli(self, status, *arguments):
        done = self.agent.cli(*arguments)
        self.assertIn(done.returncode, status if isinstance(status, tuple) else (status,),
                      f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def expect_only_in(self, secret, places):
        """In no file of the tree but these; the worker's mirror, which is Git, included."""
        found = set()
        for path in self.tree.path.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if any(form in data for form in forms(secret)):
                    found.add(str(path.relative_to(self.tree.path)))
        self.assertEqual(found, set(places))

    def expect_unsaid(self, *secrets):
        """In nothing that any verb prints, nor in the log."""
        path = f"/{REGISTRIES}"
        said = [self.log()]
        for arguments in (("status",), ("diff",), ("explain", path), ("explain", "k3s/registries.yaml.sealed"),
                          ("history",), ("show", "1"), ("show", "2"), ("report",)):
            for form in ((), ("-o", "json")):
                done = self.agent.cli(*arguments, *form)
                said.append(done.stdout + done.stderr)
        self.assertIn("sealed sha256", "".join(said))
        for text in said:
            for secret in secrets:
                for one in forms(secret):
                    self.assertNotIn(one.decode(), text)
        return said

    def commit(self, files, message, ok=True):
        self.repository.commit(files, message)
        code, text = self.call("Sync", "b", "false")
        self.assertEqual(code, 0, text)
        self.assertEqual(text.startswith("is 0"), ok, text)
        return text

    # ---- the way

    def test_it_is_in_its_place_and_nowhere_else(self):
        self.tree.write("metrics/x", "")
        self.start(extra=f"[report]\nmetrics-file = /metrics/bedplate.prom\n")
        self.wait_applied()
        self.commit({"k3s/registries.yaml.sealed": sealed(registries(CANARY)),
                     "k3s/config.yaml.d/50-token.yaml.sealed":
                         sealed(f"agent-token: {OTHER}\nflannel-iface: {OTHER}\n", "50-token.yaml")}, "sealed")
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))
        for place in (REGISTRIES, DROP_IN):
            info = (self.tree / place).stat()
            self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, os.geteuid()))
        self.expect_only_in(CANARY, [REGISTRIES])
        self.expect_only_in(OTHER, [DROP_IN])
        self.expect_unsaid(CANARY, OTHER)
        # Not in the arguments of any process, nor in their environment.
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    data = (process / name).read_bytes()
                except OSError:
                    continue
                self.assertNotIn(CANARY.encode(), data)
        # A daemon that has read a key leaves no core dump, wherever the kernel would send it.
        limits = pathlib.Path(f"/proc/{self.agent.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")

        # By hand, and put back.
        (self.tree / REGISTRIES).write_text(registries("by-hand-" + OTHER))
        lib.wait_for("the repair", lambda: self.tree.read(REGISTRIES) == registries(CANARY))
        lib.wait_for("the event", lambda: "registries.yaml" in self.run_cli(0, "history"))
        self.expect_only_in(CANARY, [REGISTRIES])
        self.expect_only_in("by-hand-" + OTHER, [])
        self.expect_unsaid(CANARY, OTHER)

    def test_a_diff_shows_keys_and_no_values(self):
        self.start()
        self.wait_applied()
        self.repository.commit({"k3s/config.yaml.d/50-token.yaml.sealed":
                                sealed(f"flannel-iface: {CANARY}\n", "50-token.yaml")}, "sealed")
        said = self.run_cli(1, "diff")
        self.assertIn("K3s, at its next start: flannel-iface: unset -> (sealed)", said)
        self.assertNotIn(CANARY, said)
        self.commit({}, "now")
        # A plain file in its place does not uncover what was there.
        self.repository.commit({"k3s/config.yaml.d/50-token.yaml.sealed": None,
                                "k3s/config.yaml.d/50-token.yaml": "flannel-iface: eth0\n"}, "plain")
        said = self.run_cli(1, "diff")
        self.assertIn("flannel-iface: (sealed) -> (sealed)", said)
        self.assertNotIn(CANARY, said)

    def test_what_is_wrong_in_it_is_refused_without_a_word_of_it(self):
        self.start()
        self.wait_applied()
        for content in (f"token: [{CANARY}\n", f"{CANARY}\n", f"server: https://{CANARY}:6443\nnode-name: {CANARY}\n"):
            text = self.commit({"k3s/config.yaml.sealed": sealed(content, "config.yaml")}, "bad", ok=False)
            self.assertIn("k3s/config.yaml.sealed", text)
        for text, why in ((sealed(registries(CANARY), cluster="oslo-staging"), "none of the 1 keys of this node opens it"),
                          (sealed(registries(CANARY), name="other.yaml"), "none of the 1 keys of this node opens it"),
                          (sealed_peer.seal(lib.PEER / "cert.pem", "oslo-prod", CANARY.encode()), "namespace-wide"),
                          (sealed_peer.seal(lib.PEER / "cert.pem", "", CANARY.encode()), "cluster-wide"),
                          ((lib.PEER / "namespace.sealed").read_text(), "namespace-wide"),
                          (registries(CANARY), "is not one line of base64")):
            said = self.commit({"k3s/config.yaml.sealed": None, "k3s/registries.yaml.sealed": text}
                               if (self.repository.clone / self.repository.directory / "k3s/config.yaml.sealed").exists()
                               else {"k3s/registries.yaml.sealed": text}, "bad", ok=False)
            self.assertIn(why, said)
            self.assertNotIn(CANARY, said)
        self.assertFalse((self.tree / REGISTRIES).exists())
        self.assertNotIn(CANARY, self.log() + json.dumps(self.agent.status()))

    def test_a_reboot_without_git_a_rollback_and_a_key_that_is_gone(self):
        self.start()
        self.wait_applied()
        self.commit({"k3s/registries.yaml.sealed": sealed(registries(CANARY))}, "one")
        self.commit({"k3s/registries.yaml.sealed": sealed(registries(OTHER))}, "two")
        self.assertEqual(self.tree.read(REGISTRIES), registries(OTHER))
        self.run_cli(0, "rollback")
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))
        self.expect_only_in(CANARY, [REGISTRIES])
        self.expect_only_in(OTHER, [])

        # No Git, another boot, and the file is not there.
        self.agent.stop()
        hidden = self.repository.remote.with_name("away.git")
        self.repository.remote.rename(hidden)
        (self.tree / REGISTRIES).unlink()
        self.tree.write("proc/sys/kernel/random/boot_id", "22222222-2222-2222-2222-222222222222\n")
        self.agent.start()
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))

        # Nor a key: what is there stays, and it is said why.
        self.agent.stop()
        (self.tree / SEALING / "fleet.pem").rename(self.tree / "fleet.pem")
        self.agent.start()
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))

        def condition():
            return {c["type"]: c for c in self.agent.status().get("conditions", [])}.get("K3sConfigured", {})

        lib.wait_for("the condition", lambda: condition().get("reason") == "Failed")
        self.assertEqual(condition()["status"], "False")
        self.assertIn(f"{SEALING} holds no key", condition()["message"])
        said = self.run_cli((1, 2), "status")
        self.assertIn("registries.yaml", said)
        self.assertIn("no key", self.run_cli(0, "explain", f"/{REGISTRIES}"))
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))

        # It comes back.
        self.agent.stop()
        (self.tree / "fleet.pem").rename(self.tree / SEALING / "fleet.pem")
        hidden.rename(self.repository.remote)
        self.agent.start()
        # What remains to be said of K3s is that it does not run here.
        lib.wait_for("the condition", lambda: condition().get("reason", "Failed") != "Failed")
        self.assertEqual(self.agent.status()["k3s"]["failed"], [])
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))
        self.expect_unsaid(CANARY, OTHER)

    def test_a_key_that_others_may_read_is_said_and_not_used(self):
        self.start()
        self.wait_applied()
        (self.tree / SEALING / "fleet.pem").chmod(0o644)
        text = self.commit({"k3s/registries.yaml.sealed": sealed(registries(CANARY))}, "one", ok=False)
        self.assertIn("fleet.pem: may be read or changed by others than root", text)
        (self.tree / SEALING / "fleet.pem").chmod(0o600)
        self.commit({}, "again")
        self.assertEqual(self.tree.read(REGISTRIES), registries(CANARY))


class OwnKey(DaemonCase):
    """The node's own key, made at the first sync, and what is sealed for it by each of the ways there are."""

    def setUp(self):
        super().setUp()
        (self.tree / "var/lib/bedplate").mkdir(parents=True)
        (self.tree / SEALING).mkdir()  # empty: no key of the tests'
        self.start()
        self.wait_applied()
        # What the command line writes and reads.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-home-"))
        self.addCleanup(shutil.rmtree, self.home)
        self.home.chmod(0o755)

    def bedplate(self, *arguments, status=0, user=None, stdin=None):
        drop = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        done = subprocess.run([str(self.program()), *map(str, arguments)], capture_output=True, text=True, input=stdin,
                              cwd=self.home, timeout=60, **drop)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def program(self):
        """Where anybody may run it."""
        copy = self.home / "bedplate"
        if not copy.exists():
            shutil.copy(lib.CLI, copy)
        return copy

    def key(self):
        return sorted((self.tree / SEALING).glob("*.pem"))[-1]

    def applied(self, text, content):
        self.repository.commit({"k3s/registries.yaml.sealed": text}, "sealed")
        self.assertEqual(self.sync()[0], 0)
        self.assertEqual(self.tree.read(REGISTRIES), content)

    def test_the_first_start_makes_a_key(self):
        keys = sorted((self.tree / SEALING).iterdir())
        self.assertEqual(len(keys), 1)
        self.assertEqual(stat.S_IMODE(keys[0].stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.tree / "var/lib/bedplate/sealing.crt").stat().st_mode), 0o644)
        self.wait_log("made a key for sealed files")
        text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=self.agent.cli("cert", check=True).stdout,
                              capture_output=True, text=True, check=True).stdout
        self.assertIn("Public-Key: (4096 bit)", text)
        self.assertIn("CN = web-01", text)
        told = json.loads(self.agent.cli("cert", "-o", "json", check=True).stdout)
        self.assertEqual((told["bits"], told["subject"]), (4096, "CN=web-01,O=bedplate"))

    def test_seal_for_it_and_renew(self):
        nobody = 65534 if os.geteuid() == 0 else None
        certificate = self.home / "node.pem"
        certificate.write_text(self.bedplate("--root", self.tree.path, "cert", user=nobody))
        secret = self.home / "registries.yaml"
        secret.write_text(registries(CANARY))
        # As anybody, with the certificate alone.
        said = self.bedplate("seal", secret, "--cert", certificate, "--cluster", "oslo-prod")
        self.assertIn("for registries.yaml of cluster oslo-prod", said)
        ours = (self.home / "registries.yaml.sealed").read_text()
        self.assertEqual(sealed_peer.unseal(self.key(), LABEL, ours).decode(), registries(CANARY))
        self.applied(ours, registries(CANARY))
        piped = self.bedplate("seal", "-", "--cert", certificate, "--cluster", "oslo-prod", "--name", "registries.yaml",
                              user=nobody, stdin=registries(OTHER))
        self.assertEqual(sealed_peer.unseal(self.key(), LABEL, piped).decode(), registries(OTHER))
        self.applied(piped, registries(OTHER))
        # The folder below clusters/ says for which cluster.
        folder = self.home / "clusters/oslo-prod/node/k3s"
        folder.mkdir(parents=True)
        shutil.copy(secret, folder)
        self.assertIn("of cluster oslo-prod", self.bedplate("seal", folder / "registries.yaml", "--cert", certificate))
        self.assertIn("--cluster", self.bedplate("seal", secret, "--cert", certificate, status=1))
        self.assertIn("--name", self.bedplate("seal", "-", "--cert", certificate, "--cluster", "c", status=1, stdin="x"))
        self.assertIn("is sealed already", self.bedplate("seal", self.home / "registries.yaml.sealed", "--cert", certificate,
                                                         "--cluster", "c", status=1))
        self.assertIn("no certificate", self.bedplate("seal", secret, "--cert", secret, "--cluster", "c", status=1))
        # By others for it.
        self.applied(sealed_peer.seal(certificate, LABEL, registries(CANARY).encode()), registries(CANARY))

        renewed = self.bedplate("--root", self.tree.path, "cert", "--renew")
        self.assertNotEqual(renewed, certificate.read_text())
        self.assertEqual(len(list((self.tree / SEALING).glob("*.pem"))), 2)
        self.applied(ours, registries(CANARY))  # the old key opens it still
        certificate.write_text(renewed)
        self.bedplate("seal", secret, "--cert", certificate, "--cluster", "oslo-prod")
        secret.write_text(registries(OTHER))
        self.applied((self.home / "registries.yaml.sealed").read_text(), registries(CANARY))
        if nobody is not None:
            self.assertIn("root", self.bedplate("--root", self.tree.path, "cert", "--renew", user=nobody, status=1))

    def test_kubeseal(self):
        kubeseal = os.environ.get("KUBESEAL_BIN")
        if not kubeseal:
            print("SKIPPED: KUBESEAL_BIN names no kubeseal", file=sys.stderr)
            self.skipTest("KUBESEAL_BIN names no kubeseal")
        certificate, secret = self.home / "node.pem", self.home / "registries.yaml"
        certificate.write_text(self.agent.cli("cert", check=True).stdout)
        secret.write_text(registries(CANARY))
        for scope, ok in ((), True), (("--scope", "namespace-wide"), False), (("--scope", "cluster-wide"), False):
            done = subprocess.run([kubeseal, "--raw", "--cert", certificate, "--namespace", "oslo-prod", "--name",
                                   "registries.yaml", "--from-file", secret, *scope], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            if ok:
                self.applied(done.stdout, registries(CANARY))
                continue
            self.repository.commit({"k3s/registries.yaml.sealed": done.stdout}, "wide")
            self.assertIn("wide", self.sync_fails())

    def sync_fails(self):
        code, text = self.sync()
        self.assertNotEqual(code, 0, text)
        return text


class Check(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.agent = lib.Agent(self.tree)

    def check(self, text, status, keys):
        if keys:
            self.tree.sealing_key()
        directory = "work/clusters/oslo-prod/node"
        self.tree.write(f"{directory}/k3s/registries.yaml.sealed", text)
        done = self.agent.cli("check", str(self.tree / directory))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def test_without_keys_the_form(self):
        self.assertIn("note: sealed: its form is good", self.check(sealed("rubbish: [\n"), 0, keys=False))
        self.assertIn("error: is not one line of base64", self.check(registries(CANARY), 1, keys=False))
        self.assertIn("error: names an RSA block", self.check("AAA=\n", 1, keys=False))

    def test_with_keys_what_is_in_it(self):
        self.assertNotIn("note", self.check(sealed(registries(CANARY)), 0, keys=True))
        said = self.check(sealed(f"configs: [{CANARY}\n"), 1, keys=True)
        self.assertIn("k3s/registries.yaml.sealed:1:", said)
        self.assertNotIn(CANARY, said)
        # Another cluster's, or another node's, is no mistake of this directory.
        self.assertIn("note: sealed", self.check(sealed(registries(CANARY), cluster="oslo-staging"), 0, keys=True))


if __name__ == "__main__":
    unittest.main()
