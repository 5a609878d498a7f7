#!/usr/bin/env python3
"""The stand-in for K3s behaves as K3s does: the same tests for it and, with K3S_BIN (or k3s on PATH) and root, for the real
server. See tests/lib/kube_contract.py, deploy_contract.py and k3s_server.py.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_config  # noqa: E402
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
        self.addCleanup(shutil.rmtree, folder)
        key, request, certificate = folder / "key", folder / "csr", folder / "crt"
        ask = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
               "-subj", f"/O={organization}/CN={name}", "-out", request]
        sign = ["x509", "-req", "-days", "1", "-in", request, "-CA", f"{self.client_ca}.crt", "-CAkey", f"{self.client_ca}.key",
                "-CAcreateserial", "-out", certificate]
        for arguments in (ask, sign):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        return certificate, key

    def restart(self):
        self.server.stop()
        self.server.start()


class ConfigContract:
    """Needs end(role, text of config.yaml): the warnings and the last line of a K3s that ends at once."""

    def test_what_it_ends_with(self):
        for role, text, last in (
                ("server", "cluster-cidr: nonsense\n", "Error: invalid cluster-cidr nonsense: invalid CIDR address: nonsense"),
                ("server", "service-cidr: 10.43.0.0\n", "Error: invalid service-cidr 10.43.0.0: invalid CIDR address: 10.43.0.0"),
                ("server", "cluster-dns: x\n", "Error: invalid cluster-dns address x"),
                ("server", "egress-selector-mode: x\n", "Error: invalid egress-selector-mode x"),
                ("server", "https-listen-port: many\n", 'Error: invalid value "many" for flag -https-listen-port: parse error'),
                ("server", "cluster-init: maybe\n", 'Error: invalid boolean value "maybe" for -cluster-init: parse error'),
                ("server", "etcd-s3-timeout: 5\n", 'Error: invalid value "5" for flag -etcd-s3-timeout: parse error'),
                ("server", "node-label: [a\n", "yaml: line 1: did not find expected ',' or ']'"),
                ("agent", "cluster-cidr: 10.42.0.0/16\n", "Error: flag provided but not defined: -cluster-cidr"),
                ("agent", "no-such-flag: 1\n", "Error: flag provided but not defined: -no-such-flag")):
            with self.subTest(text):
                self.assertEqual(self.end(role, text), ([], last))

    def test_a_server_skips_what_it_does_not_know(self):
        self.assertEqual(self.end("server", "no-such-flag: 1\nnode-label+: a=b\nx: [1, 2]\ncluster-dns: x\n"),
                         ([f"Unknown flag {name} found in config.yaml, skipping\n" for name in ("--no-such-flag", "-x", "-x")],
                          "Error: invalid cluster-dns address x"))


    def test_a_part_that_does_not_know_its_flag(self):
        """K3s ends with status 0, before it is ready."""
        self.assertEqual(self.shut_down("kube-apiserver-arg: no-such-flag=1\n"),
                         "Shutdown request received: apiserver exited: unknown flag: --no-such-flag")


class ConfigOfStandIn(ConfigContract, unittest.TestCase):
    def end(self, role, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "config.yaml"
            file.write_text(text)
            unknown = []
            try:
                kept, unknown = k3s_config.strip(role, k3s_config.read(file))
                k3s_config.check(role, kept)
            except k3s_config.Fatal as error:
                return [f"Unknown flag {name} found in config.yaml, skipping\n" for name in unknown], str(error)
        return None

    def shut_down(self, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "config.yaml"
            file.write_text(text)
            _, shutdown = k3s_config.check("server", k3s_config.read(file))
            self.assertFalse(shutdown.ready)
            return f"Shutdown request received: {shutdown}"


@unittest.skipUnless(k3s_server.inside(), "no real K3s")
class ConfigOfK3s(ConfigContract, unittest.TestCase):
    MORE = {"server": ["--disable-agent", "--node-ip", "127.0.0.1", "--https-listen-port", "16443", "--flannel-backend", "none"],
            "agent": ["--server", "https://127.0.0.1:1", "--token", "x"]}

    def run_it(self, role, text):
        """(status, [(level, message)])"""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "config.yaml"
            file.write_text(text)
            more = ["--config", file, "--data-dir", f"{folder}/data", *self.MORE[role]]
            done = subprocess.run([k3s_server.K3S, role, *more], capture_output=True, text=True, timeout=120)
        said = re.findall(r'level=(\w+) msg="((?:[^"\\]|\\.)*)"', done.stderr + done.stdout)
        return done.returncode, [(level, json.loads(f'"{message}"')) for level, message in said]

    def end(self, role, text):
        status, said = self.run_it(role, text)
        self.assertEqual((status, said[-1][0]), (1, "fatal"), said)
        return [message for level, message in said if level == "warning"], said[-1][1]

    def shut_down(self, text):
        status, said = self.run_it("server", text)
        self.assertEqual(status, 0)
        self.assertEqual([m for _, m in said if "is up and running" in m], [])
        return next(message for level, message in said if level == "error" and message.startswith("Shutdown request"))


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
