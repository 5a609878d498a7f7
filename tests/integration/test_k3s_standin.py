#!/usr/bin/env python3
"""The stand-in for K3s behaves as K3s does: the same tests for it and, with K3S_BIN (or k3s on PATH) and root, for the real
server. See tests/lib/kube_contract.py, deploy_contract.py and k3s_server.py.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_server  # noqa: E402
from deploy_contract import DeployContract  # noqa: E402
from k3s_standin import DATA, KUBECONFIG, K3sStandin  # noqa: E402
from kube_client import Client  # noqa: E402
from kube_contract import ApiContract  # noqa: E402

DISABLED = "disable: [coredns, traefik, servicelb, local-storage, metrics-server]\n"


class StandIn:
    scan = 0.2

    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree()
        cls.addClassCleanup(cls.tree.remove)
        cls.tree.write("etc/rancher/k3s/config.yaml", DISABLED)
        cls.server = K3sStandin(cls.tree.path, interval=cls.scan).start()
        cls.addClassCleanup(cls.server.stop)
        cls.manifests, cls.kubeconfig = cls.server.manifests, cls.tree / KUBECONFIG
        cls.client_ca = cls.tree / DATA / "server/standin/tls/client-ca"
        cls.client = Client(cls.kubeconfig)


class Real:
    scan = k3s_server.SCAN

    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree("/run")
        cls.server = k3s_server.Server(cls.tree)
        cls.addClassCleanup(cls.server.stop)
        cls.manifests, cls.kubeconfig = cls.server.data / "server/manifests", cls.server.kubeconfig
        cls.client_ca = cls.server.data / "server/tls/client-ca"
        cls.client = Client(cls.kubeconfig)


class Contract(ApiContract, DeployContract):
    def client_certificate(self, organization, name):
        folder = pathlib.Path(tempfile.mkdtemp())
        key, request, certificate = folder / "key", folder / "csr", folder / "crt"
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-subj", f"/O={organization}/CN={name}", "-out", request], check=True, capture_output=True)
        subprocess.run(["openssl", "x509", "-req", "-days", "1", "-in", request, "-CA", f"{self.client_ca}.crt", "-CAkey",
                        f"{self.client_ca}.key", "-CAcreateserial", "-out", certificate], check=True, capture_output=True)
        return certificate, key

    def restart(self):
        self.server.stop()
        self.server.start()


class OnStandIn(StandIn, Contract, unittest.TestCase):
    pass


@unittest.skipUnless(k3s_server.inside(), "no real K3s")
class OnK3s(Real, Contract, unittest.TestCase):
    pass


def main():
    if k3s_server.inside():
        k3s_server.prepare()
        unittest.main(verbosity=2)
    why = k3s_server.missing()
    if not why:
        return k3s_server.go_inside()
    print(f"SKIPPED, the half on a real K3s: {why}", flush=True)
    return 0 if unittest.main(verbosity=2, exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
