#!/usr/bin/env python3
"""Signatures: `bedplate trust verify` over a range beside `git verify-commit` for each of its commits, in one run.

Times are those of the whole command, the start of the worker and the reading of the objects included. git verifies a
commit with two runs of ssh-keygen, or one of gpg; more than one commit can be named, so it is started once for all.
"""

import hashlib
import os
import pathlib
import resource
import subprocess
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import signing  # noqa: E402

ADA = "ada@nordic-corp.no"


def store(repository, raw):
    """A loose object, without a process for each."""
    whole = b"commit %d\0" % len(raw) + raw
    name = hashlib.sha1(whole).hexdigest()
    path = repository.path / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(whole, 1))
    return name


def history(repository, count, sign):
    """`count` signed commits on top of the base, packed, as a fetch leaves them."""
    tip, commits = repository.base, []
    for number in range(count):
        payload = repository.payload(f"change {number}", parents=[tip])
        tip = store(repository, signing.with_header(payload, sign(payload)))
        commits.append(tip)
    repository.point(tip)
    repository.git("repack", "-q", "-a", "-d")
    return commits


def timed(*command, env=None):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode()[-2000:])
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(title, keys, sign, options, count, by_git):
    repository = signing.Repository()
    commits = history(repository, count, sign)
    allowed = keys.path / "allowed"
    runs = sorted(timed(lib.CLI, "trust", "verify", f"{repository.base}..main", "--repo", repository.path, *options)
                  for _ in range(3))
    wall, cpu = runs[1]
    git_wall, git_cpu = timed("git", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", *commits[:by_git],
                              env=dict(repository.environment, GNUPGHOME=str(keys.home)))
    print(f"{title}, {count} commits")
    print(f"  bedplate: all, s                         {wall:10.2f}   CPU {cpu:.2f}")
    print(f"  bedplate: verifications a second         {count / wall:10.0f}")
    print(f"  git verify-commit: verifications a second{by_git / git_wall:10.0f}   CPU {git_cpu / by_git * 1000:.1f} ms each")
    sys.stdout.flush()
    repository.remove()


def compare_all(keys, count):
    keys.ssh("ed25519")
    keys.ssh("rsa4096", "rsa", "-b", "4096")
    keys.gpg_key(ADA)
    allowed = keys.path / "allowed"
    allowed.write_text(f"{ADA} {keys.public('ed25519')}\n{ADA} {keys.public('rsa4096')}\n")
    ring = keys.path / "ring"
    ring.write_bytes(keys.ring(ADA))
    some = max(1, count // 10)
    options = ["--allowed-signers", allowed]
    compare("ed25519", keys, lambda payload: keys.sign("ed25519", payload), options, count, some)
    compare("RSA-4096", keys, lambda payload: keys.sign("rsa4096", payload), options, max(1, count // 4), some)
    compare("OpenPGP (ed25519)", keys, lambda payload: keys.gpg_sign(ADA, payload), ["--gpg-keyring", ring], some, some)


def main():
    if signing.missing():
        print(f"trust: SKIPPED: not installed: {signing.missing()}")
        return
    keys = signing.Keys()
    try:
        compare_all(keys, int(os.environ.get("BEDPLATE_BENCH_COMMITS", "1000")))
    finally:
        keys.remove()


if __name__ == "__main__":
    main()
