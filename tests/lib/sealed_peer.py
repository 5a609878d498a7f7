"""Sealed Secrets' format once more, in a few lines that share nothing with the agent: `openssl pkeyutl` for RSA-OAEP,
`openssl enc` for the blocks of AES, and GCM's arithmetic as NIST SP 800-38D writes it down.

usage: sealed_peer.py seal CERT.pem LABEL <content >sealed      sealed_peer.py open KEY.pem LABEL <sealed >content
"""

import base64
import os
import subprocess
import sys
import tempfile


def openssl(*args, data):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


def oaep(direction, file, label, data):
    options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
    if label:
        options.append("rsa_oaep_label:" + label.encode().hex())
    inkey = ["-certin", "-inkey", str(file)] if direction == "-encrypt" else ["-inkey", str(file)]
    # Without -in, pkeyutl of some versions reads no binary from a pipe.
    with tempfile.NamedTemporaryFile() as source:
        source.write(data)
        source.flush()
        return openssl(
            "pkeyutl", direction, *inkey, "-in", source.name, *[w for o in options for w in ("-pkeyopt", o)], data=b""
        )


def counter(key, data):
    """AES-CTR from block 2 on: block 1 of a zero nonce is the tag's."""
    return openssl("enc", "-aes-256-ctr", "-K", key.hex(), "-iv", f"{2:032x}", data=data) if data else b""


def times(x, y):
    """In GF(2^128), bits from the left."""
    product = 0
    for i in range(127, -1, -1):
        if y >> i & 1:
            product ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return product


def tag(key, encrypted):
    def block(value):
        out = openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(), data=value.to_bytes(16, "big"))
        return int.from_bytes(out, "big")

    padded = encrypted + bytes(-len(encrypted) % 16) + (len(encrypted) * 8).to_bytes(16, "big")
    total, h = 0, block(0)
    for i in range(0, len(padded), 16):
        total = times(total ^ int.from_bytes(padded[i:i + 16], "big"), h)
    return (total ^ block(1)).to_bytes(16, "big")


def seal(certificate, label, content):
    key = os.urandom(32)
    rsa, encrypted = oaep("-encrypt", certificate, label, key), counter(key, content)
    return base64.b64encode(len(rsa).to_bytes(2, "big") + rsa + encrypted + tag(key, encrypted)).decode()


def unseal(key_file, label, text):
    blob = base64.b64decode(text.strip(), validate=True)
    size = int.from_bytes(blob[:2], "big")
    key = oaep("-decrypt", key_file, label, blob[2:2 + size])
    encrypted = blob[2 + size:-16]
    if len(key) != 32 or tag(key, encrypted) != blob[-16:]:
        raise ValueError("the tag does not fit")
    return counter(key, encrypted)


if __name__ == "__main__":
    if sys.argv[1] == "seal":
        print(seal(sys.argv[2], sys.argv[3], sys.stdin.buffer.read()))
    else:
        sys.stdout.buffer.write(unseal(sys.argv[2], sys.argv[3], sys.stdin.read()))
