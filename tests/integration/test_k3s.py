#!/usr/bin/env python3
"""Against a real K3s server: what Bedplate places is what K3s deploys, and K3s never sees half of it.

Needs K3S_BIN (or k3s on PATH) and root, see tests/lib/k3s_server.py.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_server  # noqa: E402
from k3s_server import DATA, SCAN, Server  # noqa: E402

OURS = f"{DATA}/server/manifests/bedplate"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?$")  # RFC 1123


def config_map(name, **data):
    lines = "".join(f'  {k}: "{v}"\n' for k, v in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndata:\n{lines}"


def namespace(name):
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"


# Paths in Git that fight over one Addon name when placed as they are, or have a name that K3s refuses.
COLLIDING = {
    "manifests/a/namespace.yaml": namespace("team-a"),
    "manifests/b/namespace.yaml": namespace("team-b"),
    "manifests/app.v1.yaml": config_map("app-v1", x=1),
    "manifests/app.v2.yaml": config_map("app-v2", x=1),
    "manifests/foo.yaml": config_map("foo-yaml", x=1),
    "manifests/foo.json": json.dumps({"apiVersion": "v1", "kind": "ConfigMap",
                                      "metadata": {"name": "foo-json", "namespace": "default"}, "data": {"x": "1"}}),
    "manifests/Upper_Case.yaml": config_map("upper", x=1),
    "manifests/coredns.yaml": config_map("not-coredns", x=1),
    "manifests/" + "long-" * 20 + "name.yaml": config_map("long", x=1),
}


class K3s(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree("/run")
        cls.server = Server(cls.tree)
        cls.addClassCleanup(cls.server.stop)
        cls.repository = lib.Repository("/run")
        cls.agent = lib.Agent(cls.tree)
        cls.tree.configure(cls.repository)
        cls.sync(cls, COLLIDING, "colliding")

    def sync(self, files, message):
        self.repository.commit(files, message)
        self.once()

    @classmethod
    def once(cls):
        done = cls.agent.once()
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def placed(self):
        """Path on disk -> sha256, of all that is below our directory."""
        top = self.tree / OURS
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in top.rglob("*") if p.is_file()}

    def deployed(self):
        """Whether K3s has deployed exactly what is on disk, ours only."""
        seen = {source: checksum for source, (_, checksum) in self.server.addons().items()}
        return all(seen.get(path) == checksum for path, checksum in self.placed().items())

    def converge(self):
        lib.wait_for("K3s to deploy what is on disk", self.deployed, seconds=6 * SCAN, every=1)

    def test_every_manifest_is_an_addon_under_a_name_of_its_own(self):
        self.converge()
        placed = self.placed()
        texts = {hashlib.sha256(t.encode()).hexdigest() for n, t in self.repository_files().items()}
        self.assertEqual(set(placed.values()), texts)
        self.assertEqual(len(placed), len(self.repository_files()))
        names = [self.server.addons()[path][0] for path in placed]
        self.assertEqual(len(set(names)), len(names))
        for path, name in zip(placed, names):
            self.assertEqual(pathlib.Path(path).name.split(".")[0], name)
            self.assertRegex(name, LABEL)
            self.assertLessEqual(len(name), 63)
        self.assertLessEqual({"team-a", "team-b"}, set(self.server.uids("namespaces")))
        self.assertLessEqual({"app-v1", "app-v2", "foo-yaml", "foo-json", "upper", "not-coredns", "long"},
                             set(self.server.uids("configmaps")))

    def repository_files(self):
        top = self.repository.clone / self.repository.directory / "manifests"
        return {str(p.relative_to(top)): p.read_text() for p in top.rglob("*") if p.is_file()}

    def test_only_whole_files_are_ever_seen_and_nothing_in_git_is_pruned(self):
        names = [f"bulk-{i:02}" for i in range(20)]

        def bulk(revision):
            # A comment first, so that a truncated file is still YAML: it would prune the rest.
            return f"# revision {revision}\n" + "---\n".join(config_map(n, revision=revision, pad="x" * 2000) for n in names)

        self.sync({"manifests/bulk.yaml": bulk(0)}, "bulk 0")
        self.converge()
        kept = names + ["app-v1", "foo-json", "upper"]
        before = {n: u for n, u in self.server.uids("configmaps").items() if n in kept}
        self.assertEqual(len(before), len(kept))

        known = {bulk(i) for i in range(31)} | set(self.repository_files().values())
        torn, reads, stop = [], 0, threading.Event()

        def watch():
            nonlocal reads
            manifests = self.tree / DATA / "server/manifests"
            while not stop.is_set():
                for file in manifests.rglob("*"):  # all that K3s walks, not our folder alone
                    if file.suffix.lower() not in (".yaml", ".yml", ".json"):
                        continue
                    if manifests / "bedplate" not in file.parents:
                        continue  # K3s's own
                    try:
                        text = file.read_text()
                    except FileNotFoundError:
                        torn.append(f"{file.name} vanished")
                        continue
                    reads += 1
                    if text not in known:
                        torn.append(f"{file.name}: {len(text)} bytes that no commit holds")

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for i in range(1, 31):
                self.sync({"manifests/bulk.yaml": bulk(i)}, f"bulk {i}")
        finally:
            stop.set()
            watcher.join()
        self.assertEqual(torn, [])
        self.assertGreater(reads, 300)
        self.converge()
        after = {n: u for n, u in self.server.uids("configmaps").items() if n in kept}
        self.assertEqual(after, before)  # a pruned object comes back with another uid
        data = {i["metadata"]["name"]: i["data"] for i in self.server.items("configmaps", "-n", "default") if "data" in i}
        self.assertEqual({data[n]["revision"] for n in names}, {"30"})

    def test_what_is_staged_is_not_deployed(self):
        stage = self.tree / DATA / "server/bedplate-stage"
        self.assertTrue(stage.is_dir())
        self.tree.write(f"{DATA}/server/bedplate-stage/left-behind.yaml", config_map("left-behind", x=1))
        self.sync({"manifests/after.yaml": config_map("after", x=2)}, "after")
        self.converge()
        self.assertIn("after", self.server.uids("configmaps"))
        self.assertNotIn("left-behind", self.server.uids("configmaps"))
        for source in self.server.addons():
            self.assertNotIn("bedplate-stage", source)

    def test_a_manifest_edited_on_disk_is_put_back(self):
        self.sync({"manifests/edited.yaml": config_map("edited", x="git")}, "edited")
        self.converge()
        file = next(p for p in (self.tree / OURS).rglob("*edited*") if p.is_file())
        file.write_text(config_map("edited", x="hand"))
        self.converge()  # K3s has taken the edit
        self.assertEqual(self.value("edited"), "hand")
        self.once()
        self.assertEqual(file.read_text(), config_map("edited", x="git"))
        self.converge()
        self.assertEqual(self.value("edited"), "git")

    def value(self, name):
        return json.loads(self.server.kubectl("get", "configmap", name, "-n", "default", "-o", "json").stdout)["data"]["x"]


class Etcd(unittest.TestCase):
    """K3s with its embedded etcd, beside the daemon."""

    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree("/run")
        cls.server = Server(cls.tree, "--cluster-init")
        cls.addClassCleanup(cls.server.stop)
        cls.tree.write("etc/rancher/k3s/k3s.yaml", cls.server.kubeconfig.read_text(), 0o600)
        repository = lib.Repository("/run")
        repository.commit({"sysctl.d/x.conf": ""}, "nothing yet")
        cls.agent = lib.Agent(cls.tree)
        cls.tree.configure(repository)
        cls.agent.start()
        cls.addClassCleanup(cls.agent.stop)

    def test_its_measurements_stand_for_the_disk(self):
        def disk():
            found = (self.agent.status().get("benchmarks") or {}).get("disk") or {}
            return found if found.get("probe") == "etcd" else None

        found = lib.wait_for("etcd in the status", disk, seconds=30)
        self.assertEqual((found["verdict"], found["windowNs"], found["hasLeader"]), ("unknown", 0, True))

    def test_the_api_is_asked_for_argo_and_flux(self):
        # Neither is there: the API said so, to a client that it knows.
        for who in ("Argo CD", "Flux"):
            lib.wait_for(f"{who} to be asked for", lambda who=who: f"{who} is not in this cluster" in
                         self.agent.log.read_text(), seconds=30)
        self.assertNotIn("cannot be read", self.agent.log.read_text())


class Restart(unittest.TestCase):
    """K3s behind a unit (tests/lib/fake_systemd.h), restarted by the daemon."""

    @classmethod
    def setUpClass(cls):
        cls.tree = tree = lib.Tree("/run")
        cls.repository = lib.Repository("/run")
        cls.repository.commit({"k3s/config.yaml": "debug: false\n"}, "first")
        home = tree.path.parent / (tree.path.name + "-home")
        home.mkdir()
        cls.log = tree.write("var/log/k3s.log", "")
        tree.write("etc/rancher/k3s/config.yaml", "# by hand\n")
        (tree / "run/dbus").mkdir(parents=True)
        (tree / DATA / "server/manifests").mkdir(parents=True)  # else K3s makes var/lib, for root alone
        # What the agent reads of the unit; the command itself is below.
        tree.write("etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server --log /var/log/k3s.log\n")
        cls.systemd = subprocess.Popen(
            [lib.BUILD / "tests/fake-systemd", tree / "run/dbus/system_bus_socket", "k3s.service", tree / "k3s-notify", cls.log,
             k3s_server.K3S, "server", "--config", tree / "etc/rancher/k3s/config.yaml", "--write-kubeconfig",
             tree / "etc/rancher/k3s/k3s.yaml", *k3s_server.arguments(tree / DATA)],
            env=dict(os.environ, HOME=str(home)), stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop_k3s)
        cls.agent = lib.Agent(tree)
        tree.configure(cls.repository, interval="2s")
        lib.wait_for("K3s", lambda: (tree / "etc/rancher/k3s/k3s.yaml").exists() and "k3s is up" in cls.log.read_text(), 180)
        cls.agent.start()
        cls.addClassCleanup(cls.agent.stop)

    @classmethod
    def stop_k3s(cls):
        cls.systemd.terminate()
        cls.calls = cls.systemd.communicate()[0]

    def restart(self):
        return self.agent.status().get("k3s", {}).get("restart", {})

    def wait_for(self, what, check, seconds=300):
        lib.wait_for(f"{what}: {self.restart()}\n{self.agent.log.read_text()[-2000:]}", check, seconds, every=0.5)

    def starts(self):
        return self.log.read_text().count("Starting k3s ")

    def confirmed(self):
        return self.agent.log.read_text().count("K3s is up on the configuration of commit")

    def test_a_flag_that_does_not_exist_comes_back(self):
        self.wait_for("the first commit to be confirmed", lambda: self.confirmed() == 1)
        before = self.starts()
        began = time.monotonic()
        self.repository.commit({"k3s/config.yaml": "debug: false\nkube-apiserver-arg: [no-such-flag=1]\n"}, "bad")
        self.wait_for("to be taken back", lambda: self.restart().get("state") == "rolled-back")
        self.assertLess(time.monotonic() - began, 180)
        self.assertEqual(self.restart()["line"], "Shutdown request received: apiserver exited: unknown flag: --no-such-flag")
        self.assertEqual(self.tree.read("etc/rancher/k3s/config.yaml"), "debug: false\n")
        self.assertGreater(self.starts(), before + 1)
        self.repository.commit({"k3s/config.yaml": "debug: true\n"}, "good")
        self.wait_for("the good one to be confirmed", lambda: self.confirmed() == 2)
        self.assertEqual(self.restart()["state"], "")


def main():
    if k3s_server.inside():
        k3s_server.prepare()
        unittest.main(verbosity=2)
    why = k3s_server.missing()
    if why:
        print(f"SKIPPED: {why}", flush=True)
        return 77
    return k3s_server.go_inside()


if __name__ == "__main__":
    sys.exit(main())
