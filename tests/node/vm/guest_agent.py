"""Runs in the guest as root: does what the test asks for over a virtio-serial port, one request at a time.

A line of JSON each way: {"n", "argv", "input", "seconds"} in; {"n", "status", "out", "err"} back. `input`, `out` and `err`
are base64. The first line after a boot is {"hello": BOOT_ID}.
"""

import base64
import json
import os
import subprocess
import time

PORT = "/dev/virtio-ports/agent"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}


def do(request):
    try:
        done = subprocess.run(request["argv"], input=base64.b64decode(request["input"]), capture_output=True, cwd="/",
                              env=ENVIRONMENT, timeout=request["seconds"], check=False)
        status, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        status, out, err = 124, error.stdout or b"", (error.stderr or b"") + b"\n(ended after its time)\n"
    except OSError as error:
        status, out, err = 127, b"", str(error).encode()
    return {"n": request["n"], "status": status, "out": base64.b64encode(out).decode(),
            "err": base64.b64encode(err).decode()}


def main():
    while not os.path.exists(PORT):
        time.sleep(0.1)
    with open(PORT, "r+b", buffering=0) as port:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
            port.write(json.dumps({"hello": boot.read().strip()}).encode() + b"\n")
        rest = b""
        while True:
            got = port.read(65536)
            if not got:  # nobody at the other end
                time.sleep(0.1)
            *lines, rest = (rest + (got or b"")).split(b"\n")
            for line in lines:
                answer = memoryview(json.dumps(do(json.loads(line))).encode() + b"\n")
                while answer:
                    answer = answer[port.write(answer):]


main()
