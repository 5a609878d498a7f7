#!/usr/bin/env python3
"""Compares a .deb's and an .rpm's payload file by file: path, kind, mode, owner, content, and what is configuration.

Programs may differ in content (compiled twice). Debian 12 keeps units in /lib, which is /usr/lib elsewhere; each family
has its own place for licence and changelog.
"""
import hashlib
import io
import pathlib
import stat
import subprocess
import sys
import tarfile
from typing import NamedTuple

ELSEWHERE = ("/usr/share/doc/", "/usr/share/licenses/", "/usr/lib/.build-id")
PROGRAMS = ("/usr/bin/", "/usr/sbin/", "/usr/libexec/")
CONFIG_FLAG = 1


class Item(NamedTuple):
    kind: str
    mode: str
    owner: str
    content: str
    config: bool


def run(*command):
    return subprocess.run(command, capture_output=True, check=True).stdout


def place(path):
    return "/usr" + path if path.startswith("/lib/") else path


def of_ours(path):
    return not path.startswith(ELSEWHERE)


def digest(path, data):
    return "program" if path.startswith(PROGRAMS) and data[:4] == b"\x7fELF" else hashlib.sha256(data).hexdigest()


def deb_items(package):
    conffiles = set(run("dpkg-deb", "--info", package, "conffiles").decode().split())
    items = {}
    with tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--fsys-tarfile", package))) as tar:
        for member in tar:
            path = place(member.name.lstrip(".").rstrip("/"))
            if not of_ours(path + "/"):
                continue
            kind = "directory" if member.isdir() else "file" if member.isfile() else "other"
            content = digest(path, tar.extractfile(member).read()) if member.isfile() else member.linkname
            items[path] = Item(kind, f"{member.mode:04o}", f"{member.uname}:{member.gname}", content, path in conffiles)
    return items


def rpm_items(package):
    # The header says modes and owners, the archive has the content; bsdtar is not everywhere, cpio is.
    archive = run("rpm2cpio", package)
    form = "[%{FILENAMES}\\t%{FILEMODES}\\t%{FILEUSERNAME}:%{FILEGROUPNAME}\\t%{FILEFLAGS}\\t%{FILELINKTOS}\\n]"
    items = {}
    for line in run("rpm", "-qp", "--qf", form, package).decode().splitlines():
        path, mode_text, owner, flags, link = line.split("\t")
        if not of_ours(path):
            continue
        mode = int(mode_text) & 0xFFFF
        kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
        content = link
        if kind == "file":
            extract = subprocess.run(["cpio", "--extract", "--to-stdout", "--quiet", "." + path], input=archive,
                                     capture_output=True, check=True)
            content = digest(path, extract.stdout)
        items[place(path)] = Item(kind, f"{stat.S_IMODE(mode):04o}", owner, content, bool(int(flags) & CONFIG_FLAG))
    return items


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: compare_payloads.py DEB RPM")
    deb, rpm = deb_items(pathlib.Path(sys.argv[1])), rpm_items(pathlib.Path(sys.argv[2]))
    # A folder that belongs to the system is in a .deb's archive and not in an .rpm's.
    system = {p for p, item in deb.items() if item.kind == "directory" and p not in rpm and "bedplate" not in p}
    problems = []
    for path in sorted((deb.keys() | rpm.keys()) - system):
        if path not in rpm:
            problems.append(f"{path}: only in the .deb")
        elif path not in deb:
            problems.append(f"{path}: only in the .rpm")
        elif deb[path] != rpm[path]:
            for field, ours, theirs in zip(Item._fields, deb[path], rpm[path]):
                if ours != theirs:
                    problems.append(f"{path}: {field}: {ours} in the .deb, {theirs} in the .rpm")
    for problem in problems:
        print(problem)
    same = len(deb.keys() & rpm.keys())
    print(f"payloads: {same} paths in both, {len(problems)} differences")
    return 1 if problems or same < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
