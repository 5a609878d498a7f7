#!/usr/bin/env python3
"""An HTTP server on loopback that behaves as its path says, well or badly.

    http_server.py [--certificate FILE --key FILE [--client-ca FILE]] [--routes FILE] [--greeting TEXT]

Prints its port on a line of its own, then a line "connection" for each one that is made, and a line "METHOD PATH
AUTHORIZATION" for each request, and "body TYPE LENGTH SHA256" where it has one. With --client-ca a client must show a certificate of it, whose subject is then printed as
"client NAME". --routes: a JSON object of path -> body, read anew for each request; "STATUS body" where the body begins
with three digits and a blank. --greeting TEXT: says it to everybody who connects, and nothing else.
"""
import argparse
import hashlib
import json
import pathlib
import re
import socket
import ssl
import sys
import threading
import time

OPTIONS = None


def say(text):
    print(text, flush=True)


def answer(stream, body, status=200, headers=()):
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    stream.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + body)


def forever(stream, data, pause=0.0):
    while True:
        stream.sendall(data)
        time.sleep(pause)


def behave(stream, path):
    head = b"HTTP/1.1 200 OK\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    match path:
        case "/hello":
            answer(stream, b"hello")
        case "/empty":
            answer(stream, b"")
        case "/large":
            answer(stream, b"x" * 200_000)
        case "/teapot":
            answer(stream, b"short and stout", 418)
        case "/to-file":
            answer(stream, b"", 302, ["Location: file:///etc/passwd"])
        case "/to-hello":
            answer(stream, b"", 301, ["Location: /hello"])
        case "/endless-chunks":
            stream.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            forever(stream, chunk)
        case "/endless-body":
            stream.sendall(head + b"\r\n")
            forever(stream, b"x" * 0x4000)
        case "/claims-much":
            stream.sendall(head + b"Content-Length: 99999999999\r\n\r\nx")
            time.sleep(60)
        case "/endless-headers":
            stream.sendall(head)
            forever(stream, b"X-Filler: " + b"y" * 500 + b"\r\n")
        case "/endless-line":
            stream.sendall(head + b"X-Filler: ")
            forever(stream, b"y" * 0x4000)
        case "/endless-interim":
            forever(stream, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        case "/endless-trailers":
            stream.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
            forever(stream, b"X-Filler: " + b"y" * 500 + b"\r\n")
        case "/drip":
            stream.sendall(head + b"Content-Length: 1000\r\n\r\n")
            forever(stream, b"x", 0.05)
        case "/drip-header":
            stream.sendall(head + b"X-Filler: ")
            forever(stream, b"x", 0.05)
        case "/silent":
            time.sleep(60)
        case "/short":
            stream.sendall(head + b"Content-Length: 1000\r\n\r\nx")
            return False
        case "/close":
            return False
        case "/garbage":
            stream.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 10)
            return False
        case _:
            route(stream, path)
    return True


def route(stream, path):
    routes = json.loads(pathlib.Path(OPTIONS.routes).read_text()) if OPTIONS.routes else {}
    body = routes.get(path)
    if body is None:
        return answer(stream, b"not found", 404)
    status = re.match(r"(\d{3}) ", body)
    return answer(stream, (body[4:] if status else body).encode(), int(status[1]) if status else 200)


def serve(stream, context):
    try:
        if OPTIONS.greeting:
            stream.sendall(OPTIONS.greeting.encode() + b"\r\n")
            return
        if context:
            stream = context.wrap_socket(stream, server_side=True)
            peer = stream.getpeercert()
            if peer:
                say("client " + dict(pair for part in peer["subject"] for pair in part)["commonName"])
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                data = stream.recv(65536)
                if not data:
                    return
                buffer += data
            request, _, buffer = buffer.partition(b"\r\n\r\n")
            first, *headers = request.decode().split("\r\n")
            method, path, _ = first.split(" ")
            allowed = [h.split(": ", 1)[1] for h in headers if h.lower().startswith("authorization:")]
            say(" ".join([method, path, *allowed]))
            fields = {h.split(": ", 1)[0].lower(): h.split(": ", 1)[1] for h in headers if ": " in h}
            length = int(fields.get("content-length", "0"))
            while len(buffer) < length:
                data = stream.recv(65536)
                if not data:
                    return
                buffer += data
            body, buffer = buffer[:length], buffer[length:]
            if body:
                say(f"body {fields.get('content-type', '-')} {length} {hashlib.sha256(body).hexdigest()}")
            if not behave(stream, path):
                return
    except OSError:
        pass  # a client that leaves is a test, not a trouble
    finally:
        stream.close()


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--routes")
    parser.add_argument("--greeting")
    OPTIONS = parser.parse_args()
    context = None
    if OPTIONS.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(OPTIONS.certificate, OPTIONS.key)
        if OPTIONS.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(OPTIONS.client_ca)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    say(listener.getsockname()[1])
    while True:
        stream, _ = listener.accept()
        say("connection")
        threading.Thread(target=serve, args=(stream, context), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
