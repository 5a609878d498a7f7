"""A client of a Kubernetes API by a kubeconfig with inline certificates, as K3s writes it."""

import base64
import json
import pathlib
import ssl
import tempfile
import typing
import urllib.error
import urllib.request

import yaml

JSON = "application/json"
MERGE = "application/merge-patch+json"


class Answer(typing.NamedTuple):
    status: int
    type: str
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def meta(self):
        return self.json["metadata"]


class Client:
    def __init__(self, kubeconfig, agent="tests", certificate=None, anonymous=False):
        """certificate: (certificate, key) of another client, as files."""
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url, self.agent = cluster["server"], agent
        self.tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.TemporaryDirectory() as folder:
            files = [pathlib.Path(folder) / kind for kind in ("certificate", "key")]
            for file in files:
                file.write_bytes(base64.b64decode(user[f"client-{file.name}-data"]))
            if not anonymous:
                self.tls.load_cert_chain(*(certificate or files))
        plain = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(plain, urllib.request.HTTPSHandler(context=self.tls))

    def call(self, method, path, body=None, content_type=JSON, accept=JSON, agent=None):
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"User-Agent": agent or self.agent, "Accept": accept, "Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with self.opener.open(request, timeout=30) as response:
                return Answer(response.status, response.headers.get_content_type(), response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers.get_content_type(), error.read().decode())

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body, content_type=MERGE, **options):
        return self.call("PATCH", path, body, content_type, **options)

    def delete(self, path, body=None):
        return self.call("DELETE", path, body)
