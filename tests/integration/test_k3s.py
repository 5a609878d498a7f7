#!/usr/bin/env python3
"""Against a real K3s server: what Bedplate places is what K3s deploys, and K3s never sees half of it.

Needs K3S_BIN (or k3s on PATH) and root: K3s runs without an agent (no kubelet, no images) in mount, network and PID
namespaces of its own, on tmpfs. Its deploy controller looks at the manifests each 15 s.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

K3S = os.environ.get("K3S_BIN") or shutil.which("k3s")
DATA = "var/lib/rancher/k3s"
OURS = f"{DATA}/server/manifests/bedplate"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?$")  # RFC 1123
SCAN = 15


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


class Server:
    """K3s's API server and deploy controller with their data below `tree`."""

    def __init__(self, tree, *more):
        self.data = tree / DATA
        (self.data / "server/manifests").mkdir(parents=True)
        home = tree.path.parent / (tree.path.name + "-home")
        home.mkdir()
        self.kubeconfig = home / "kubeconfig"
        self.environment = dict(os.environ, HOME=str(home), KUBECONFIG=str(home / "kubeconfig"))
        # Both the released binary and a plain build are kubectl when they are called so.
        self.client = home / "kubectl"
        self.client.symlink_to(pathlib.Path(K3S).resolve())
        self.log = home / "k3s.log"
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
        self.process = subprocess.Popen(
            [K3S, "server", "--disable-agent", "--data-dir", str(self.data), "--https-listen-port", "16443",
             "--bind-address", "127.0.0.1", "--node-ip", "127.0.0.1", "--advertise-address", "127.0.0.1",
             "--egress-selector-mode", "disabled", "--write-kubeconfig", str(self.kubeconfig),
             "--disable", "coredns,traefik,servicelb,local-storage,metrics-server", "--flannel-backend", "none",
             "--disable-network-policy", "--disable-cloud-controller", "--disable-helm-controller",
             "--disable-kube-proxy", "--disable-scheduler", "--token", "test-token",
             "--kube-controller-manager-arg", "secure-port=0", *more],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(log)
        lib.wait_for("K3s's API", self.ready, seconds=120, every=0.5)

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"k3s ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        if self.kubectl("get", "--raw", "/readyz", check=False).stdout != "ok":
            return False
        return self.kubectl("get", "addons.k3s.cattle.io", "-A", check=False).returncode == 0  # K3s makes the kind itself

    def kubectl(self, *arguments, check=True):
        return subprocess.run([str(self.client), *arguments], env=self.environment, capture_output=True, text=True,
                              check=check, timeout=60)

    def items(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)["items"]

    def addons(self):
        """Source -> (name, checksum)"""
        return {a["spec"].get("source"): (a["metadata"]["name"], a["spec"].get("checksum"))
                for a in self.items("addons.k3s.cattle.io", "-n", "kube-system")}

    def uids(self, kind):
        return {i["metadata"]["name"]: i["metadata"]["uid"] for i in self.items(kind, "-A")}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


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

    def test_a_removed_manifest_leaves_its_objects(self):
        # docs/k3s.md says so.
        self.sync({"manifests/removed.yaml": config_map("removed", x=1)}, "to be removed")
        self.converge()
        self.sync({"manifests/removed.yaml": None, "manifests/later.yaml": config_map("later", x=1)}, "removed")
        self.assertEqual([p for p in self.placed() if "removed" in p], [])
        self.converge()  # K3s has looked since
        self.assertIn("later", self.server.uids("configmaps"))
        self.assertIn("removed", self.server.uids("configmaps"))


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


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    return 77


def prepare():
    """Inside the namespaces: /run is a tmpfs, /etc is written to a layer of ours (K3s keeps files in /etc/rancher)."""
    for command in (["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], ["mkdir", "/run/upper", "/run/work"],
                    ["mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work", "overlay", "/etc"]):
        subprocess.run(command, check=True)
    lib.loopback_up()


def main():
    if os.environ.get("BEDPLATE_TEST_INSIDE"):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        prepare()
        unittest.main(verbosity=2)
    if not K3S or not os.access(K3S, os.X_OK):
        return skip("no K3s: set K3S_BIN to a k3s binary (or put k3s on PATH)")
    if os.geteuid() != 0:
        return skip("K3s and its namespaces need root")
    own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0:
        return skip("no namespaces here (unshare is refused)")
    return subprocess.run([*own, sys.executable, *sys.argv], env=dict(os.environ, BEDPLATE_TEST_INSIDE="1")).returncode


if __name__ == "__main__":
    sys.exit(main())
