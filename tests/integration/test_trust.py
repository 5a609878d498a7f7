#!/usr/bin/env python3
"""Signatures by real ssh-keygen and gpg: `bedplate trust verify` beside `git verify-commit`. They agree, except where a
case says what git leaves open (docs/trust.md).
"""

import os
import pathlib
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import signing  # noqa: E402
from signing import said, sshsig, text  # noqa: E402
from trust_case import ADA, KINDS, YEAR, Peers, skip_what_cannot_be  # noqa: E402


def setUpModule():
    skip_what_cannot_be()


class Ssh(Peers):
    def test_every_kind_of_key(self):
        payload = self.repository.payload()
        cases = {}
        for name in KINDS:
            for hash_name in ("sha512", "sha256"):
                signature = self.keys.sign(name, payload, "-O", f"hashalg={hash_name}")
                cases[f"{name} {hash_name}"] = (self.repository.signed(payload, signature), True, "Good")
        rsa = sshsig(payload, self.keys.blob("rsa2048"),
                     lambda data: text("rsa-sha2-256") + text(self.keys.openssl("rsa2048", data, "sha256")))
        cases["rsa-sha2-256"] = (self.repository.signed(payload, signing.armour(rsa)), True, "Good")
        verdicts = self.compare(cases, self.allow(*KINDS))
        for name, (commit, _, _) in cases.items():
            key = name.split()[0] if name.split()[0] in KINDS else "rsa2048"
            self.assertEqual(verdicts[commit]["principal"], ADA)
            self.assertEqual(verdicts[commit]["key"], self.keys.fingerprint(key))

    def test_keys_that_are_too_weak(self):
        self.keys.ssh("rsa1024", "rsa", "-b", "1024")
        payload = self.repository.payload()
        sha1 = sshsig(payload, self.keys.blob("rsa2048"),
                      lambda data: text("ssh-rsa") + text(self.keys.openssl("rsa2048", data, "sha1")))
        cases = {
            "RSA with 1024 bits, which git takes": (
                self.repository.signed(payload, self.keys.sign("rsa1024", payload)), True, "Unsupported"),
            "RSA over SHA-1": (self.repository.signed(payload, signing.armour(sha1)), False, "Unsupported"),
        }
        self.compare(cases, self.allow("rsa1024", "rsa2048"))

    def test_hardware_keys(self):
        application, flags = "ssh:", b"\x05\0\0\0\x09"

        def hardware(name, kind, tail, sign, blob=None):
            blob = blob or text(kind) + self.keys.blob(name)[len(text(self.keys.public(name).split()[0])):] + text(application)
            payload = self.repository.payload(f"by {name} {tail}")

            def signature(data):
                seen = signing.hashlib.sha256(application.encode()).digest() + tail + signing.hashlib.sha256(data).digest()
                return text(kind) + text(sign(seen)) + tail

            line = f"{ADA} {kind} {signing.base64.b64encode(blob).decode()}"
            return line, self.repository.signed(payload, signing.armour(sshsig(payload, blob, signature)))

        def ecdsa(data):
            der = self.keys.openssl("ecdsa256", data, "sha256")
            r_length = der[3]
            return text(der[4:4 + r_length]) + text(der[6 + r_length:])

        def ed25519(data):
            return self.keys.openssl("ed25519", data)

        kinds = {"sk-ssh-ed25519@openssh.com": ("ed25519", ed25519), "sk-ecdsa-sha2-nistp256@openssh.com": ("ecdsa256", ecdsa)}
        lines, cases = [], {}
        for kind, (name, sign) in kinds.items():
            line, good = hardware(name, kind, flags, sign)
            _, alone = hardware(name, kind, b"\0" + flags[1:], sign)
            lines.append(line)
            cases[f"{kind}, touched"] = (good, True, "Good")
            cases[f"{kind} without a touch, which git takes"] = (alone, True, "Unsupported")
        self.compare(cases, self.file("allowed", *lines))

    def test_certificates(self):
        self.keys.ssh("authority")
        self.keys.ssh("other", "ecdsa")
        cases = {}

        def case(name, git, reason, *options, authority="authority"):
            made = self.keys.certify(authority, "rsa3072", *options)
            payload = self.repository.payload(name)
            signature = self.keys.sign("rsa3072", payload)
            blob = signing.base64.b64decode(made.read_text().split()[1])
            parts = signing.texts(signing.bare(signature)[10:])
            bytes_ = b"SSHSIG" + struct.pack(">I", 1) + text(blob) + b"".join(text(part) for part in parts[1:])
            made.unlink()
            cases[name] = (self.repository.signed(payload, signing.armour(bytes_)), git, reason)

        case("good", True, "Good", "-n", f"eve,{ADA}")
        case("for others", False, "WrongPrincipal", "-n", "eve")
        case("for nobody", False, "WrongPrincipal")
        case("expired", False, "Expired", "-n", ADA, "-V", "20200101:20210101")
        case("not yet valid", False, "NotYetValid", "-n", ADA, "-V", "20900101:20910101")
        case("of a host", False, "Unsupported", "-n", ADA, "-h")
        case("of another authority", False, "UnknownKey", "-n", ADA, authority="other")
        case("for one command, which git takes", True, "Unsupported", "-n", ADA, "-O", "force-command=true")
        allowed = self.file("allowed", f"*@nordic-corp.no cert-authority {self.keys.public('authority')}")
        verdicts = self.compare(cases, allowed)
        self.assertEqual(verdicts[cases["good"][0]]["principal"], ADA)
        self.assertEqual(verdicts[cases["good"][0]]["key"], self.keys.fingerprint("rsa3072"))
        good = {name: (cases["good"][0], False, "Revoked") for name in ["good"]}
        self.compare(good, allowed, self.file("revoked", self.keys.public("authority")))
        self.compare(good, allowed, self.file("revoked", self.keys.public("rsa3072")))

    def test_who_may_sign_and_when(self):
        payload = self.repository.payload()
        commit = self.repository.signed(payload, self.keys.sign("ed25519", payload))
        public, now = self.keys.public("ed25519"), int(time.time())
        past, future = "20200101Z", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(now + YEAR))
        for line, git, reason in [
            (f"{ADA} {public} comment", True, "Good"),
            (f"{ADA} valid-after=\"{past}\",valid-before=\"{future}\" {public}", True, "Good"),
            (f"{ADA} valid-before=\"{past}\" {public}", False, "Expired"),
            (f"{ADA} valid-after=\"{future}\" {public}", False, "NotYetValid"),
            (f"{ADA} namespaces=\"file\" {public}", False, "WrongNamespace"),
            (f"{ADA} namespaces=\"file,git\" {public}", True, "Good"),
            (f"{ADA} namespaces=\"*,!git\" {public}", False, "WrongNamespace"),
            (f"{ADA} cert-authority {public}", False, "UnknownKey"),
            (f"!{ADA},{ADA} {public}", False, "WrongPrincipal"),
            (f"\"Ada Lovelace\" {public}", True, "Good"),
            (f"*@nordic-corp.no,!eve@* {public}", True, "Good"),
            (f"{ADA} {self.keys.public('ecdsa256')}", False, "UnknownKey"),
            # The second trap: no principal is held against the committer, here as in git.
            (f"somebody@else.example {public}", True, "Good"),
            # One line that lets it sign is enough.
            (f"{ADA} valid-before=\"{past}\" {public}\nada2 {public}", True, "Good"),
        ]:
            self.compare({line: (commit, git, reason)}, self.file("allowed", line))
        allowed = self.allow("ed25519")
        self.compare({"revoked": (commit, False, "Revoked")}, allowed, self.file("revoked", public))
        self.compare({"not revoked": (commit, True, "Good")}, allowed, self.file("revoked", self.keys.public("ecdsa256")))
        other = self.repository.signed(payload, self.keys.sign("ed25519", payload, namespace="file"))
        self.compare({"made for something else": (other, False, "WrongNamespace")}, allowed)

    def test_first_trap_a_back_dated_commit(self):
        allowed = self.allow("ed25519", options='valid-before="20200101Z"')
        payload = self.repository.payload(when=1550000000)
        commit = self.repository.signed(payload, self.keys.sign("ed25519", payload))
        self.compare({"back-dated": (commit, True, "Expired")}, allowed)
        allowed = self.allow("ed25519", options='valid-after="20890101Z"')
        payload = self.repository.payload(when=4000000000)
        commit = self.repository.signed(payload, self.keys.sign("ed25519", payload))
        self.compare({"ahead": (commit, True, "NotYetValid")}, allowed)

    def test_fourth_trap_what_is_no_header(self):
        payload = self.repository.payload()
        signature = self.keys.sign("ed25519", payload)
        header = signing.with_header(payload, signature)[len(payload.split(b"\n\n")[0]) + 1:].split(b"\n\n")[0] + b"\n"
        head, message = payload.split(b"\n\n", 1)
        twice = head + b"\n" + header + header + b"\n" + message
        sha256 = head + b"\n" + header + header.replace(b"gpgsig", b"gpgsig-sha256") + b"\n" + message
        first = head + b"\n" + header.replace(b"gpgsig", b"gpgsig-sha256") + header + b"\n" + message
        cases = {
            "in the message": (self.repository.write(payload + header), False, "Unsigned"),
            "at the top of the message": (self.repository.write(head + b"\n\n" + header + message), False, "Unsigned"),
            "twice": (self.repository.write(twice), True, "Malformed"),
            "with one for the other hash": (self.repository.write(sha256), True, "Malformed"),
            "behind one for the other hash": (self.repository.write(first), True, "Malformed"),
            "unsigned": (self.repository.write(payload), False, "Unsigned"),
        }
        verdicts = self.compare(cases, self.allow("ed25519"))
        self.assertIn("message", verdicts[cases["in the message"][0]]["message"])

    def test_fifth_trap_another_wrapping(self):
        payload = self.repository.payload()
        signature = self.keys.sign("ed25519", payload)
        blob = signing.bare(signature)
        allowed = self.allow("ed25519")
        cases = {
            "as OpenSSH": (self.repository.signed(payload, signature), True, "Good"),
            "as PEM": (self.repository.signed(payload, signing.armour(blob, 64)), True, "Good"),
            "as MIME": (self.repository.signed(payload, signing.armour(blob, 76)), True, "Good"),
            "in short lines": (self.repository.signed(payload, signing.armour(blob, 50)), True, "Malformed"),
            "in one line": (self.repository.signed(payload, signing.armour(blob, 999)), True, "Malformed"),
            "with blanks": (self.repository.signed(payload, signature.replace("\n", " \n", 2).replace(" \n", "\n", 1)), True,
                            "Malformed"),
            "with words behind it": (self.repository.signed(payload, signature + "more"), True, "Malformed"),
        }
        verdicts = self.compare(cases, allowed)
        # Whatever the wrapping: what was signed has one name.
        payloads = {verdicts[commit]["payload"] for commit, _, _ in cases.values()}
        self.assertEqual(payloads, {self.repository.write(payload)})

    def test_truncated_at_every_byte(self):
        payload = self.repository.payload()
        signature = self.keys.sign("ed25519", payload)
        commits = {at: self.repository.signed(payload, signature[:at]) for at in range(1, len(signature) - 1)}
        verdicts = self.agree(commits, self.allow("ed25519"))
        self.assertEqual({verdicts[commit]["verdict"] for commit in commits.values()}, {"bad"})

    def test_each_byte_of_the_signature(self):
        payload = self.repository.payload()
        blob = signing.bare(self.keys.sign("ed25519", payload))
        commits = {}
        for at in range(len(blob)):
            changed = bytearray(blob)
            changed[at] ^= 1
            commits[at] = self.repository.signed(payload, signing.armour(bytes(changed)))
        # The version is read as "not above 1" by ssh-keygen, which takes 0 too.
        version = commits.pop(9)
        verdicts = self.agree(commits, self.allow("ed25519"))
        self.assertEqual({verdicts[commit]["verdict"] for commit in commits.values()}, {"bad"})
        self.compare({"version 0": (version, True, "Unsupported")}, self.allow("ed25519"))

    def test_each_part_of_the_payload(self):
        payload = self.repository.payload()
        signature = self.keys.sign("ed25519", payload)
        commits = {}
        for at in range(payload.index(b"author"), len(payload)):
            changed = bytearray(payload)
            changed[at] ^= 1
            # What is still a commit for both.
            if chr(payload[at]).isalnum() and b"\nauthor " in changed and b"\ncommitter " in changed:
                commits[at] = self.repository.signed(bytes(changed), signature)
        self.assertGreater(len(commits), 60)
        verdicts = self.agree(dict(list(commits.items())[::3]), self.allow("ed25519"))
        self.assertNotIn("good", {one["verdict"] for one in verdicts.values()})

    def test_the_format_field_by_field(self):
        payload = self.repository.payload()
        blob = signing.bare(self.keys.sign("ed25519", payload))
        self.assertEqual(blob[:10], b"SSHSIG\0\0\0\1")
        key, namespace, reserved, hash_name, signature = signing.texts(blob[10:])
        self.assertEqual((key, namespace, reserved, hash_name), (self.keys.blob("ed25519"), b"git", b"", b"sha512"))
        again = text("ssh-ed25519") + text(self.keys.openssl("ed25519", said(payload)))
        self.assertEqual(signature, again)  # ed25519 is deterministic

    def test_files_that_cannot_be_read_are_no_verdict(self):
        payload = self.repository.payload()
        commit = self.repository.signed(payload, self.keys.sign("ed25519", payload))
        bad = self.file("bad", f"{ADA} {self.keys.public('ed25519')}", "ada namespaces=git ssh-ed25519 AAAA")
        done = self.repository.bedplate(commit, "--allowed-signers", bad, status=1)
        self.assertIn(f"{bad}:2: ", done.stderr)
        self.keys.ssh("lost")
        krl = self.keys.path / "krl"
        signing.run("ssh-keygen", "-q", "-k", "-f", krl, self.keys.path / "lost.pub")
        done = self.repository.bedplate(commit, "--allowed-signers", self.allow("ed25519"), "--revoked-keys", krl, status=1)
        self.assertIn("binary list of ssh-keygen -k", done.stderr)
        self.assertIn("--allowed-signers FILE", self.repository.bedplate(commit, status=1).stderr)
        self.assertEqual(done.stdout, "")


class OpenPgp(Peers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keys = cls.keys
        cls.old = int(time.time()) - 10 * 24 * 3600
        keys.gpg_key("good@x", "ed25519", "never", "--faked-system-time", f"{cls.old}!")
        keys.gpg_key("rsa@x", "rsa3072")
        keys.gpg_key("stranger@x")
        keys.gpg_key("revoked@x")
        keys.gpg_key("expired@x", "ed25519", "1d", "--faked-system-time", f"{cls.old}!")
        keys.gpg("--yes", "--faked-system-time", f"{cls.old + 5}!", "--quick-add-key", cls.print_of("good@x"), "ed25519",
                 "sign", "never")
        certificate = keys.home / "openpgp-revocs.d" / f"{cls.print_of('revoked@x')}.rev"
        cls.payload = cls.repository.payload()
        cls.by_revoked = keys.gpg_sign("revoked@x", cls.payload)
        keys.gpg("--import", data=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        cls.ring = keys.path / "ring.gpg"
        cls.ring.write_bytes(keys.ring("good@x", "rsa@x", "expired@x", "revoked@x"))

    @classmethod
    def print_of(cls, user):
        lines = cls.keys.gpg("--with-colons", "--list-keys", user).stdout.decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))

    def signed(self, user, *options):
        return self.repository.signed(self.payload, self.keys.gpg_sign(user, self.payload, *options))

    def test_what_git_takes_and_what_not(self):
        good = self.keys.gpg_sign("good@x", self.payload)
        both = self.keys.gpg_sign("good@x", self.payload, "--local-user", "rsa@x")
        faked = ["--faked-system-time", f"{self.old + 3600}!"]
        cases = {
            "good": (self.repository.signed(self.payload, good), True, "Good"),
            "RSA": (self.signed("rsa@x"), True, "Good"),
            "by the primary key": (self.signed(f"{self.print_of('good@x')}!"), True, "Good"),
            # The third trap is gpgv's alone: its exit status is 0 for these two.
            "by an expired key": (self.signed("expired@x", *faked), False, "Expired"),
            "by a revoked key": (self.repository.signed(self.payload, self.by_revoked), False, "Revoked"),
            "of another commit": (self.repository.signed(self.repository.payload("another"), good), False, "BadSignature"),
            "expired itself": (self.signed("good@x", "--faked-system-time", f"{int(time.time()) - 7200}!",
                                           "--default-sig-expire", "seconds=60"), False, "Expired"),
            "two in one": (self.repository.signed(self.payload, both), False, "Malformed"),
            "over text, which git takes": (self.signed("good@x", "--textmode"), True, "Unsupported"),
            "nothing in it": (self.repository.signed(self.payload, "-----BEGIN PGP SIGNATURE-----\n\n=AAAA\n"
                                                     "-----END PGP SIGNATURE-----\n"), False, "Malformed"),
        }
        verdicts = self.compare(cases, self.allow("ed25519"), ring=self.ring)
        self.assertEqual(verdicts[cases["good"][0]]["principal"], "good@x")
        self.assertEqual(verdicts[cases["good"][0]]["key"], self.print_of("good@x"))
        # git has the stranger's key in its home: what counts here is the keyring alone.
        stranger = self.signed("stranger@x")
        self.compare({"unknown": (stranger, True, "UnknownKey")}, self.allow("ed25519"), ring=self.ring)

    def test_truncated_at_every_byte(self):
        signature = self.keys.gpg_sign("good@x", self.payload)
        # Behind the signature's last digits there is but the checksum of the armour, and the end.
        commits = {at: self.repository.signed(self.payload, signature[:at]) for at in range(27, len(signature) - 1, 2)}
        verdicts = self.repository.bedplate_says(list(commits.values()), self.allow("ed25519"), ring=self.ring)
        for at, commit in commits.items():
            if verdicts[commit]["verdict"] == "good":
                self.assertTrue(self.repository.git_says(commit, self.allow("ed25519"), home=self.keys.home), at)
                self.assertGreaterEqual(at, signature.index("\n="))

    def test_an_armoured_keyring_and_none(self):
        commit = self.signed("good@x")
        armoured = self.file("ring.asc", b"Ada's:\n" + self.keys.gpg("--armor", "--export", "rsa@x").stdout +
                             self.keys.gpg("--armor", "--export", "good@x").stdout)
        verdicts = self.repository.bedplate_says([commit], self.allow("ed25519"), ring=armoured)
        self.assertEqual(verdicts[commit]["reason"], "Good", verdicts[commit])
        verdicts = self.repository.bedplate_says([commit], self.allow("ed25519"))
        self.assertEqual(verdicts[commit]["reason"], "UnknownKey")
        self.assertIn("no gpg-keyring", verdicts[commit]["message"])


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
