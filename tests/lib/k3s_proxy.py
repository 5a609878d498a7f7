#!/usr/bin/env python3
"""The process of a K3s whose insides run in the test (k3s_host.py): k3s_proxy.py SOCKET NODE. Says what it is told to say,
ends as it is told to end, and with it ends what it stands for.
"""

import os
import signal
import socket
import sys


def notify(text):
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(text.encode(), where)


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(sys.argv[1])
        control.sendall(f"{sys.argv[2]}\n".encode())
        for line in control.makefile():
            verb, _, text = line.rstrip("\n").partition(" ")
            if verb == "say":
                print(text, file=sys.stderr, flush=True)
            elif verb == "ready":
                notify("READY=1\n")
            elif verb == "exit":
                return int(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
