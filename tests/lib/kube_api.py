"""KubeApi: a Kubernetes API server on loopback, over TLS in both directions, good enough to test a client against - and able
to be as wrong as a server can be. Its objects are in `store` (kube_store.py), which a test may use directly: only what
comes over the wire is counted in `requests`.
"""

import base64
import contextlib
import ctypes
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import typing

import kube_routes
from kube_kinds import ApiError
from kube_store import Store

JSON = "application/json"
# What a server can do wrong. The first three are in the handshake, the others in the answer.
FAILURES = ("http", "wrong-ca", "expired", "slow", "500", "endless", "drip", "garbage")


class Request(typing.NamedTuple):
    method: str
    path: str  # with the query
    time: float
    user_agent: str
    client: str  # the certificate's name, "" without one


class Certificates:
    """As K3s makes them: a CA for servers and one for clients. Each is made when it is first asked for, and kept."""

    ADMIN = "/O=system:masters/CN=system:admin"
    # Name: (CA, subject, days)
    KNOWN = {"server": ("server-ca", "/CN=k3s", 365), "expired": ("server-ca", "/CN=k3s", -1),
             "wrong-ca": ("other-ca", "/CN=k3s", 365), "admin": ("client-ca", ADMIN, 365),
             "admin-expired": ("client-ca", ADMIN, -1), "admin-wrong-ca": ("other-ca", ADMIN, 365)}

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.RLock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def file(self, name, kind="crt"):
        """kubelet-NODE is a node's."""
        with self.lock:
            if not (self.folder / f"{name}.crt").exists():
                if name.endswith("-ca") and name not in self.KNOWN:
                    self.openssl("req", "-x509", *self.key(name), "-days", "3650", "-subj", f"/CN=k3s-{name}@1700000000",
                                 "-out", self.folder / f"{name}.crt")
                elif name.startswith("kubelet-"):
                    self.issue(name, "client-ca", "/O=system:nodes/CN=system:node:" + name.removeprefix("kubelet-"), 365)
                else:
                    self.issue(name, *self.KNOWN[name])
        return self.folder / f"{name}.{kind}"

    def key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.folder / f"{name}.key"

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name, ca, subject, days):
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        of_server = subject == "/CN=k3s"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost" if of_server else "extendedKeyUsage=clientAuth")
        self.openssl("req", "-new", *self.key(name), "-subj", subject, "-out", request)
        self.openssl("x509", "-req", "-days", str(days), "-in", request, "-CA", self.file(ca), "-CAkey", self.file(ca, "key"),
                     "-CAcreateserial", "-extfile", extensions, "-out", self.folder / f"{name}.crt")


@contextlib.contextmanager
def namespace(path):
    """In this network namespace, this thread alone; as root."""
    if not path:
        yield
        return
    libc, new_net = ctypes.CDLL(None, use_errno=True), 0x40000000
    with open("/proc/thread-self/ns/net") as home, open(path) as away:
        if libc.setns(away.fileno(), new_net) != 0:
            raise OSError(ctypes.get_errno(), "setns", path)
        try:
            yield
        finally:
            libc.setns(home.fileno(), new_net)


class KubeApi:
    """start() to serve; stop() is for good, down() and up() for a server that goes away and comes back on its port."""

    def __init__(self, folder, port=0, join=None, netns=None, persistent=False):
        """folder: for certificates and, where it is persistent, the objects. join: another KubeApi, whose objects and
        certificates these are too, as of one more server. netns: of the process or file ("/proc/PID/ns/net") to listen in."""
        self.folder = pathlib.Path(folder)
        self.certificates = join.certificates if join else Certificates(self.folder / "tls")
        self.store = join.store if join else Store(self.folder / "objects.jsonl" if persistent else None)
        self.requests = []
        self.ready = True
        self.delay = 30.0  # seconds, of a slow answer
        self.compacted = 0  # continue tokens of an older revision have expired
        self.port, self.netns = port, f"/proc/{netns}/ns/net" if isinstance(netns, int) else netns
        self.contexts = {"server": self.context("server")}
        self.server, self.mode, self.connections = None, None, set()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        self.up()
        return self

    def up(self):
        if self.server:
            return
        with namespace(self.netns):  # a socket stays in the one that it was made in
            self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.api = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self):
        """Connections are refused."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        self.hang_up()

    stop = down

    def fail(self, mode, delay=30.0):
        """One of FAILURES, or None to be well again. Cuts the connections that there are."""
        assert mode is None or mode in FAILURES, mode
        if mode in ("wrong-ca", "expired") and mode not in self.contexts:
            self.contexts[mode] = self.context(mode)
        self.mode, self.delay = mode, delay
        self.hang_up()

    def hang_up(self):
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.file(name), self.certificates.file(name, "key"))
        context.verify_mode = ssl.CERT_OPTIONAL  # who shows none is answered 401
        context.load_verify_locations(self.certificates.file("client-ca"))
        return context

    def requested(self, text=""):
        """The requests so far, of those whose "METHOD PATH" holds this text."""
        return [r for r in list(self.requests) if text in f"{r.method} {r.path}"]

    # Kubeconfigs

    def write_kubeconfig(self, path, url=None, ca="server-ca", client="admin", mode=0o600):
        """As K3s writes /etc/rancher/k3s/k3s.yaml. client: admin, admin-expired, admin-wrong-ca."""
        def inline(name, kind="crt"):
            return base64.b64encode(self.certificates.file(name, kind).read_bytes()).decode()

        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {inline(ca)}
    server: {url or self.url}
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {{}}
users:
- name: default
  user:
    client-certificate-data: {inline(client)}
    client-key-data: {inline(client, "key")}
""")
        path.chmod(mode)
        return path

    def write_kubelet_kubeconfig(self, root, node, url=None):
        """As K3s writes /var/lib/rancher/k3s/agent/kubelet.kubeconfig below `root`: certificates by their path on the host."""
        folder = pathlib.Path(root) / "var/lib/rancher/k3s/agent"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"kubelet-{node}"
        host = "/var/lib/rancher/k3s/agent"
        file = self.certificates.file
        texts = {"server-ca.crt": file("server-ca").read_text(), "client-kubelet.crt": file(name).read_text(),
                 "client-kubelet.key": file(name, "key").read_text(), "kubelet.kubeconfig": f"""apiVersion: v1
clusters:
- cluster:
    server: {url or self.url}
    certificate-authority: {host}/server-ca.crt
  name: local
contexts:
- context:
    cluster: local
    namespace: default
    user: user
  name: Default
current-context: Default
kind: Config
preferences: {{}}
users:
- name: user
  user:
    client-certificate: {host}/client-kubelet.crt
    client-key: {host}/client-kubelet.key
"""}
        for target, text in texts.items():
            (folder / target).write_text(text)
            (folder / target).chmod(0o600)
        return folder / "kubelet.kubeconfig"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    api = None

    def finish_request(self, request, client_address):
        # In the connection's own thread: a handshake that hangs holds nobody else.
        request.settimeout(120)
        context = None if self.api.mode == "http" else self.api.contexts.get(self.api.mode, self.api.contexts["server"])
        if context:
            request = context.wrap_socket(request, server_side=True)
        self.api.connections.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self.api.connections.discard(request)
            request.close()

    def handle_error(self, *_):
        pass  # a client that leaves is a test, not a trouble


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, code, body, kind=JSON):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        api = self.server.api
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        peer = dict(pair for part in (certificate or {}).get("subject", ()) for pair in part)
        body = self.rfile.read(int(self.headers.get("Content-Length") or "0"))
        agent = self.headers.get("User-Agent", "")
        api.requests.append(Request(self.command, self.path, time.time(), agent, peer.get("commonName", "")))
        if api.mode and self.misbehave(api):
            return

        try:
            answer = kube_routes.respond(api, kube_routes.Call(self.command, self.path, body, self.headers, peer))
        except ApiError as error:
            answer = error.code, error.body()
        self.answer(*answer)

    def misbehave(self, api):
        match api.mode:
            case "slow":
                time.sleep(api.delay)
                return False
            case "500":
                error = ApiError(500, "InternalError", "Internal error occurred: etcdserver: request timed out")
                self.answer(500, error.body())
            case "endless":
                self.send_response(200)
                self.send_header("Content-Type", JSON)
                self.end_headers()
                while True:
                    self.wfile.write(b'{"kind":"List","items":[' + b'{"metadata":{"name":"x"}},' * 1000)
            case "drip":
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            case "garbage":
                self.answer(200, "{\x00" * 100)
            case _:
                return False
        return True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve
