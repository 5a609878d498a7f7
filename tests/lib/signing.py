"""Commits signed by real ssh-keygen and gpg, written as raw objects, and what git and bedplate say of them."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

import agent as lib

PROGRAMS = ("git", "ssh-keygen", "gpg", "gpgv", "openssl")
BEGIN, END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
ADA = "Ada Lovelace <ada@nordic-corp.no>"


def missing():
    """The programs that are not here, for a skip that says so."""
    return ", ".join(program for program in PROGRAMS if shutil.which(program) is None)


def run(*command, data=b"", check=True, env=None):
    done = subprocess.run([str(part) for part in command], input=data, capture_output=True, env=env)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')}")
    return done


def text(value):
    """A string of the SSH protocol."""
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def texts(value):
    parts = []
    while value:
        length = struct.unpack(">I", value[:4])[0]
        parts.append(value[4:4 + length])
        value = value[4 + length:]
    return parts


def armour(blob, width=70):
    digits = base64.b64encode(blob).decode()
    return BEGIN + "".join(digits[at:at + width] + "\n" for at in range(0, len(digits), width)) + END


def bare(armoured):
    return base64.b64decode(armoured[len(BEGIN):armoured.index(END)])


def ed25519_pem(openssh):
    """OpenSSH's own format as PKCS #8, which ssh-keygen writes for other kinds alone."""
    whole = base64.b64decode("".join(openssh.splitlines()[1:-1]))
    *_, private = texts_of(whole[len(b"openssh-key-v1\0"):], 3, 4, 2)
    seed = texts_of(private[8:], 3)[-1][:32]
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    return f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n"


def texts_of(value, before, skip=0, after=0):
    """Some strings, some bytes that are none, and some more strings."""
    parts = []
    for number in range(before + after):
        if number == before:
            value = value[skip:]
        length = struct.unpack(">I", value[:4])[0]
        parts.append(value[4:4 + length])
        value = value[4 + length:]
    return parts


class Keys:
    """A folder of SSH keys, and a GnuPG home."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bp-keys-"))
        self.home = self.path / "gnupg"
        self.home.mkdir(0o700)
        self.environment = dict(os.environ, GNUPGHOME=str(self.home))

    def ssh(self, name, kind="ed25519", *options):
        if not (self.path / name).exists():
            run("ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", name, "-f", self.path / name)
        return self.public(name)

    def public(self, name):
        return " ".join((self.path / f"{name}.pub").read_text().split()[:2])

    def blob(self, name):
        return base64.b64decode(self.public(name).split()[1])

    def fingerprint(self, name):
        return run("ssh-keygen", "-l", "-f", self.path / f"{name}.pub").stdout.decode().split()[1]

    def sign(self, name, payload, *options, namespace="git"):
        return run("ssh-keygen", "-Y", "sign", "-n", namespace, "-f", self.path / name, *options,
                   data=payload).stdout.decode()

    def certify(self, authority, name, *options):
        """Puts a certificate beside the key; what signs with it names it instead of the key."""
        source, made = self.path / f"{name}.pub", self.path / f"{name}-cert.pub"
        run("ssh-keygen", "-q", "-s", self.path / authority, "-I", "an id", *options, source)
        return made

    def openssl(self, name, data, hash_name=None):
        """A raw signature with the private key of `name`."""
        pem = self.path / f"{name}.pem"
        if not pem.exists() and self.public(name).startswith("ssh-ed25519 "):
            pem.write_text(ed25519_pem((self.path / name).read_text()))
        if not pem.exists():
            shutil.copy(self.path / name, pem)
            pem.chmod(0o600)
            run("ssh-keygen", "-q", "-p", "-m", "PKCS8", "-N", "", "-f", pem)
        if hash_name:
            return run("openssl", "dgst", f"-{hash_name}", "-sign", pem, data=data).stdout
        message = self.path / "message"
        message.write_bytes(data)
        return run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", pem, "-in", message).stdout

    def gpg(self, *arguments, data=b"", check=True):
        return run("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *arguments, data=data,
                   check=check, env=self.environment)

    def gpg_key(self, user, algorithm="ed25519", expires="never", *options):
        self.gpg(*options, "--quick-gen-key", user, algorithm, "sign", expires)

    def gpg_sign(self, user, payload, *options):
        return self.gpg("--armor", "--detach-sign", "--local-user", user, *options, data=payload).stdout.decode()

    def ring(self, *users):
        return self.gpg("--export", *users).stdout

    def remove(self):
        run("gpgconf", "--kill", "all", check=False, env=self.environment)
        shutil.rmtree(self.path, ignore_errors=True)


def sshsig(payload, key_blob, signature, hash_name="sha512", namespace="git"):
    return b"SSHSIG" + struct.pack(">I", 1) + text(key_blob) + text(namespace) + text("") + text(hash_name) + text(
        signature(said(payload, hash_name, namespace)))


def said(payload, hash_name="sha512", namespace="git"):
    """What a key signs for a payload."""
    return b"SSHSIG" + text(namespace) + text("") + text(hash_name) + text(hashlib.new(hash_name, payload).digest())


class Repository:
    """A bare repository whose commits are written byte by byte."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bp-repo-"))
        self.path.chmod(0o755)
        self.environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                                GIT_DIR=str(self.path))
        self.git("init", "-q", "--bare", "-b", "main")
        self.files = {}
        self.tree = self.make_tree({"node.yaml": "x\n"})
        self.base = self.write(self.payload("base", parents=[]))
        self.point(self.base)

    def git(self, *arguments, data=b"", check=True, env=None):
        return run("git", *arguments, data=data, check=check, env=env or self.environment)

    def make_tree(self, entries):
        """{name: text or another tree as a dict} -> id"""
        lines = ""
        for name, content in sorted(entries.items(), key=lambda pair: pair[0] + ("/" if isinstance(pair[1], dict) else "")):
            if isinstance(content, dict):
                lines += f"040000 tree {self.make_tree(content)}\t{name}\n"
            else:
                blob = self.git("hash-object", "-w", "--stdin", data=content.encode()).stdout.decode().strip()
                lines += f"100644 blob {blob}\t{name}\n"
        return self.git("mktree", data=lines.encode()).stdout.decode().strip()

    def payload(self, message="change", when=None, parents=None, tree=None, who=ADA):
        when = int(time.time()) if when is None else when
        parents = [self.base] if parents is None else parents
        lines = [f"tree {tree or self.tree}", *(f"parent {parent}" for parent in parents),
                 f"author {who} {when} +0000", f"committer {who} {when} +0000"]
        return ("\n".join(lines) + f"\n\n{message}\n").encode()

    def write(self, raw):
        return self.git("hash-object", "--literally", "-t", "commit", "-w", "--stdin", data=raw).stdout.decode().strip()

    def point(self, commit):
        self.git("update-ref", "refs/heads/main", commit)

    def signed(self, payload, signature, header="gpgsig"):
        """The commit with this signature, as git would write it."""
        return self.write(with_header(payload, signature, header))

    def git_says(self, commit, allowed, revoked=None, home=None):
        """Whether `git verify-commit` is content."""
        options = ["-c", f"gpg.ssh.allowedSignersFile={allowed}"]
        if revoked:
            options += ["-c", f"gpg.ssh.revocationFile={revoked}"]
        environment = dict(self.environment, GNUPGHOME=str(home)) if home else self.environment
        return self.git(*options, "verify-commit", commit, check=False, env=environment).returncode == 0

    def bedplate(self, *arguments, status=None):
        done = subprocess.run([str(lib.CLI), "trust", "verify", "--repo", str(self.path), *map(str, arguments)],
                              capture_output=True, text=True)
        if status is not None and done.returncode != status:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def bedplate_says(self, commits, allowed, revoked=None, ring=None):
        """The verdicts on many commits on top of the base, of one run: merges of merges bring them together."""
        keys = ["--allowed-signers", allowed]
        keys += ["--revoked-keys", revoked] if revoked else []
        keys += ["--gpg-keyring", ring] if ring else []
        tip = self.base
        for at in range(0, len(commits), 60):
            parents = list(dict.fromkeys([tip, *commits[at:at + 60]]))
            tip = self.write(self.payload("together", parents=parents))
        done = self.bedplate(f"{self.base}..{tip}", *keys, "-o", "json")
        if not done.stdout:
            raise AssertionError(done.stderr)
        return {one["commit"]: one for one in json.loads(done.stdout)["commits"]}

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def with_header(payload, signature, header="gpgsig"):
    value = signature.rstrip("\n").replace("\n", "\n ") if isinstance(signature, str) else signature.decode()
    head, message = payload.split(b"\n\n", 1)
    return head + b"\n" + f"{header} {value}".encode() + b"\n\n" + message
