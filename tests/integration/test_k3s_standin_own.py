#!/usr/bin/env python3
"""What the stand-in for K3s can do that a real one cannot be asked for: fail in a named way, be several servers in one
process, be a small program behind a unit. What it has in common with K3s: test_k3s_standin.py.
"""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_config  # noqa: E402
from deploy_contract import yaml_map  # noqa: E402
from k3s_standin import CONFIG, DATA, KUBECONFIG, PACKAGED, K3sStandin  # noqa: E402
from kube_api import KubeApi  # noqa: E402
from kube_client import Client  # noqa: E402

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "lib/k3s_standin.py"
ADDON = "addons.k3s.cattle.io"


class Case(unittest.TestCase):
    def make_tree(self):
        tree = lib.Tree()
        self.addCleanup(tree.remove)
        return tree

    def make_server(self, *arguments, **options):
        tree = self.make_tree()
        server = K3sStandin(tree.path, *arguments, **options)
        self.addCleanup(server.stop)
        return tree, server

    def await_accepted(self, server, name, kept=None):
        def accepted():
            addon = server.store.list(ADDON, fields=f"metadata.name={name}")
            return addon and addon[0]["spec"].get("checksum") not in (None, kept) and addon[0]["spec"]["checksum"]

        return lib.wait_for(f"Addon {name}", accepted, seconds=10)


class Failures(Case):
    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree()
        cls.addClassCleanup(cls.tree.remove)
        cls.api = KubeApi(cls.tree / "api").start()
        cls.addClassCleanup(cls.api.stop)
        cls.kubeconfig = cls.api.write_kubeconfig(cls.tree / "kubeconfig")

    def setUp(self):
        self.addCleanup(self.api.fail, None)
        self.client = Client(self.kubeconfig)

    def test_a_handshake_that_fails(self):
        for mode in ("http", "wrong-ca", "expired"):
            self.api.fail(mode)
            with self.assertRaises(urllib.error.URLError, msg=mode) as raised:
                self.client.get("/readyz")
            self.assertIsInstance(raised.exception.reason, ssl.SSLError)
            self.api.fail(None)
            self.assertEqual(self.client.get("/readyz").text, "ok")

    def test_an_answer_that_fails(self):
        self.api.fail("500")
        self.assertEqual(self.client.get("/readyz").status, 500)
        self.api.fail("garbage")
        with self.assertRaises(ValueError):
            self.assertTrue(self.client.get("/api/v1/namespaces").json)
        self.api.fail("slow", delay=1.0)
        began = time.monotonic()
        self.assertEqual(self.client.get("/readyz").text, "ok")
        self.assertGreaterEqual(time.monotonic() - began, 1.0)
        for mode in ("endless", "drip"):
            self.api.fail(mode)
            with self.client.opener.open(f"{self.api.url}/readyz") as response:
                self.assertEqual(len(response.read(20)), 20)

    def test_a_server_that_is_away_and_comes_back(self):
        port = self.api.port
        self.api.down()
        with self.assertRaises(urllib.error.URLError) as raised:
            self.client.get("/readyz")
        self.assertIsInstance(raised.exception.reason, ConnectionRefusedError)
        self.api.up()
        self.assertEqual((self.client.get("/readyz").text, self.api.port), ("ok", port))
        self.api.ready = False
        self.addCleanup(setattr, self.api, "ready", True)
        self.assertEqual(self.client.get("/readyz").status, 500)
        self.assertEqual(self.client.get("/livez").status, 200)

    def test_a_client_that_has_the_wrong_certificate(self):
        for client in ("admin-expired", "admin-wrong-ca"):
            bad = Client(self.api.write_kubeconfig(self.tree / client, client=client))
            with self.assertRaises((OSError, urllib.error.URLError), msg=client):
                bad.get("/readyz")
        with self.assertRaises(urllib.error.URLError):
            Client(self.api.write_kubeconfig(self.tree / "other", ca="other-ca")).get("/readyz")

    def test_requests_are_counted(self):
        before = len(self.api.requested("GET /api/v1/nodes"))
        self.client.get("/api/v1/nodes?limit=1")
        self.api.store.list("nodes")  # not over the wire
        found = self.api.requested("GET /api/v1/nodes")[before:]
        self.assertEqual([(r.method, r.path, r.user_agent, r.client) for r in found],
                         [("GET", "/api/v1/nodes?limit=1", "tests", "system:admin")])

    def test_pages_expire(self):
        token = self.client.get("/api/v1/namespaces?limit=1").meta["continue"]
        self.api.compacted = self.api.store.revision + 1
        self.addCleanup(setattr, self.api, "compacted", 0)
        self.assertEqual(self.client.get(f"/api/v1/namespaces?limit=1&continue={token}").status, 410)

    def test_the_kubelets_kubeconfig_names_files_of_the_host(self):
        file = self.api.write_kubelet_kubeconfig(self.tree.path, "agent-1")
        self.assertEqual(file, self.tree / "var/lib/rancher/k3s/agent/kubelet.kubeconfig")
        for name in ("server-ca.crt", "client-kubelet.crt", "client-kubelet.key"):
            self.assertIn(f": /var/lib/rancher/k3s/agent/{name}\n", file.read_text())
            self.assertTrue((file.parent / name).exists())


class Servers(Case):
    def test_configuration(self):
        tree, server = self.make_server()
        tree.write(CONFIG, "token: secret\nnode-label:\n- a=b\nnonsense: 1\nwrite-kubeconfig-mode: \"0640\"\n")
        tree.write(f"{CONFIG}.d/10-more.yaml", "node-label+: c=d\n")
        tree.write(f"{CONFIG}.d/20-other.YML", "write-kubeconfig-mode: 0600\n")
        said = []
        server.log = lambda level, text: said.append((level, text))
        server.start()
        self.assertEqual(said, [("warning", "Unknown flag --nonsense found in config.yaml, skipping\n")])
        notes = server.store.get("nodes", "server-1")["metadata"]["annotations"]
        self.assertEqual(json.loads(notes["k3s.io/node-args"]), ["server", "--token", "********", "--node-label", "a=b",
                                                                 "--node-label", "c=d", "--write-kubeconfig-mode", "384"])
        self.assertRegex(notes["k3s.io/node-config-hash"], r"^[A-Z2-7]{52}====$")
        self.assertEqual((tree / KUBECONFIG).stat().st_mode & 0o777, 0o600)
        tree.write(CONFIG, "cluster-cidr: nonsense\n")
        with self.assertRaisesRegex(k3s_config.Fatal, "^Error: invalid cluster-cidr nonsense: invalid CIDR address: nonsense$"):
            server.restart()
        self.assertFalse(server.running())
        self.assertEqual(server.store.get("nodes", "server-1")["metadata"]["annotations"], notes)
        tree.write(CONFIG, "kubelet-arg: [max-pods=10, no-such-flag=1]\n")
        with self.assertRaisesRegex(k3s_config.Shutdown, "unknown flag: --no-such-flag$"):
            server.restart()
        self.assertFalse(server.running())
        tree.write(CONFIG, "disable: traefik\n")
        self.assertTrue(server.restart().running())

    def test_packaged_manifests_come_back_at_each_start(self):
        tree, server = self.make_server(packaged=PACKAGED)
        tree.write(CONFIG, "disable: metrics-server,traefik\n")
        server.start()
        self.await_accepted(server, "coredns")
        file = server.manifests / "coredns.yaml"
        before = file.read_text()
        file.write_text("# edited\n")
        server.restart()
        self.assertEqual(file.read_text(), before)
        # One that is disabled is written, and then removed.
        lib.wait_for("its removal", lambda: tree.files(f"{DATA}/server/manifests") ==
                     ["ccm.yaml", "coredns.yaml", "local-storage.yaml", "rolebindings.yaml", "runtimes.yaml"])
        self.assertEqual(len(server.store.list("events", fields="involvedObject.name=traefik,reason=DeletingManifest")), 2)

    def test_a_server_that_was_away_brings_old_content_back(self):
        _, one = self.make_server("server-1", etcd=True)
        one.start()
        _, two = self.make_server("server-2", join=one, etcd=True)
        two.start()
        self.assertNotEqual(one.api.port, two.api.port)
        for server in (one, two):
            (server.manifests / "app.yaml").write_text(yaml_map("app", v="old") + "---\n" + yaml_map("other", v="old"))
        first = self.await_accepted(one, "app")
        two.stop()
        two.set_ready(None)
        (one.manifests / "app.yaml").write_text(yaml_map("app", v="new") + "---\n" + yaml_map("newer", v="new"))
        second = self.await_accepted(one, "app", first)
        self.assertEqual([m["metadata"]["name"] for m in one.store.list("configmaps")], ["app", "newer"])
        two.start()
        self.assertEqual(self.await_accepted(one, "app", second), first)
        lib.wait_for("the old set", lambda: [m["metadata"]["name"] for m in one.store.list("configmaps")] == ["app", "other"])
        nodes = {n["metadata"]["name"]: {c["type"]: c["status"] for c in n["status"]["conditions"]}
                 for n in one.store.list("nodes")}
        self.assertEqual(nodes, {name: {"Ready": "True", "EtcdIsVoter": "True"} for name in ("server-1", "server-2")})
        one.stop()
        self.assertEqual(Client(two.root / KUBECONFIG).get("/readyz").text, "ok")

    def test_events_of_one_addon_are_cut_off(self):
        _, server = self.make_server(interval=0.01)
        server.start()
        (server.manifests / "bad.yaml").write_text("a: [b\n")
        lib.wait_for("many passes", lambda: server.controller.passes > 60)
        (event,) = server.store.list("events", fields="reason=ParseManifestFailed")
        self.assertGreaterEqual(event["count"], 20)
        self.assertLess(event["count"], server.controller.passes - 20)


class Program(Case):
    def begin(self, tree, *arguments, interval="0.2"):
        self.bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.bell.close)
        where = tree / f"notify-{time.monotonic_ns()}"
        self.bell.bind(str(where))
        self.bell.settimeout(30)
        process = subprocess.Popen(
            [sys.executable, PROGRAM, "--root", tree.path, "--node", "server-1", "--interval", interval, "server", *arguments],
            env=dict(os.environ, NOTIFY_SOCKET=str(where)), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            return s.getsockname()[1]

    def test_it_serves_and_remembers(self):
        tree = self.make_tree()
        tree.write(CONFIG, f"https-listen-port: {self.free_port()}\n")
        seen = []
        for end in (signal.SIGKILL, signal.SIGTERM):
            process = self.begin(tree, "--node-label", "a=b")
            self.assertEqual(self.bell.recv(100), b"READY=1\n")
            client = Client(tree / KUBECONFIG)
            seen.append(client.get("/api/v1/nodes/server-1").meta["uid"])
            args = json.loads(client.get("/api/v1/nodes/server-1").meta["annotations"]["k3s.io/node-args"])
            self.assertEqual((args[:2], args[-2:]), (["server", "--https-listen-port"], ["--node-label", "a=b"]))
            tree.write(f"{DATA}/server/manifests/app.yaml", yaml_map("app", x=len(seen)))
            app = "/api/v1/namespaces/default/configmaps/app"
            expected = {"x": str(len(seen))}
            lib.wait_for("the object", lambda: (a := client.get(app)).status == 200 and a.json["data"] == expected)  # noqa: B023
            process.send_signal(end)
            self.assertEqual(process.wait(20), -signal.SIGKILL if end == signal.SIGKILL else 0)
        self.assertEqual(seen[0], seen[1])

    def test_it_ends_as_k3s_does(self):
        for config, code, ready, text in (
                ("service-cidr: x\n", 1, False, 'level=fatal msg="Error: invalid service-cidr x: invalid CIDR address: x"\n'),
                ("kube-apiserver-arg: no-such=1\n", 0, False,
                 'level=error msg="Shutdown request received: apiserver exited: unknown flag: --no-such"\n'),
                ("kubelet-arg: no-such=1\n", 0, True, 'level=error msg="Shutdown request received: kubelet exited: failed to '
                 'parse kubelet flag: unknown flag: --no-such"\n')):
            tree = self.make_tree()
            tree.write(CONFIG, f"https-listen-port: {self.free_port()}\n{config}")
            process = self.begin(tree)
            self.assertEqual(process.wait(20), code)
            self.assertTrue(process.stderr.read().endswith(text))
            self.bell.settimeout(0.1)
            if ready:
                self.assertEqual(self.bell.recv(100), b"READY=1\n")
            else:
                self.assertRaises(TimeoutError, self.bell.recv, 100)


@unittest.skipUnless(os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0,
                     "network namespaces need root")
class Namespaces(Case):
    def test_an_api_in_another_network_namespace(self):
        away = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"],
                                stdout=subprocess.PIPE)
        self.addCleanup(away.stdout.close)
        self.addCleanup(away.wait)
        self.addCleanup(away.kill)
        self.assertEqual(away.stdout.readline(), b"up\n")
        tree, server = self.make_server(netns=away.pid, port=6443)
        server.start()
        with self.assertRaises(urllib.error.URLError):  # not in ours
            Client(tree / KUBECONFIG).get("/readyz")
        script = (f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r}); import kube_client\n"
                  f"print(kube_client.Client({str(tree / KUBECONFIG)!r}).get('/readyz').text)")
        inside = subprocess.run(["nsenter", "--net", "--target", str(away.pid), sys.executable, "-c", script],
                                capture_output=True, text=True)
        self.assertEqual(inside.stdout, "ok\n", inside.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
