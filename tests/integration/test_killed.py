#!/usr/bin/env python3
"""The daemon killed (SIGKILL) at each change it makes, and started again: no original is lost, the second run has nothing
to do, nothing of the first is left lying about.

In a network and a mount namespace of its own, so that the net.* keys are real ones. A change is a call that alters a
file, a sysctl or the database (tests/integration/failpoint). BEDPLATE_KILLED_STRIDE=1 tries every one of them, a larger
number every so manieth.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import sealed_peer  # noqa: E402

INSIDE = "BEDPLATE_IN_NAMESPACE"
FAILPOINT = lib.BUILD / "failpoint_daemon"
KEYS = ["net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time", "net.ipv4.ip_local_port_range", "net.core.somaxconn",
        "net.ipv4.tcp_max_syn_backlog"]
SEALED = "k3s/registries.yaml.sealed"
# What a sealed file holds, by its text.
OPENED = {}


def sealed(content):
    text = sealed_peer.seal(lib.PEER / "cert.pem", "oslo-prod/registries.yaml", content.encode()) + "\n"
    OPENED[text] = content
    return text


CONFIG, OTHER, MANIFEST = "k3s/config.yaml", "k3s/config.yaml.d/10-kubelet.yaml", "manifests/app.yaml"
FIRST = {
    "sysctl.d/50-a.conf": "net.ipv4.tcp_fin_timeout = 30\nnet.ipv4.ip_local_port_range = 10240 65000\n"
                          "net.core.somaxconn = 32768\n",
    CONFIG: "write-kubeconfig-mode: '0600'\n",
    SEALED: sealed("configs: {a.example.org: {auth: {password: first-hunter2}}}\n"),
    MANIFEST: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
}
SECOND = {
    "sysctl.d/50-a.conf": "net.ipv4.tcp_fin_timeout = 20\nnet.core.somaxconn = 32768\nnet.ipv4.tcp_keepalive_time = 600\n",
    CONFIG: "write-kubeconfig-mode: '0640'\n",
    SEALED: sealed("configs: {a.example.org: {auth: {password: second-hunter2}}}\n"),
    OTHER: "kubelet-arg:\n  - max-pods=200\n",
    MANIFEST: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app2\n",
}
# An empty directory is refused: one key stays.
LESS = {**dict.fromkeys(SECOND), "sysctl.d/50-a.conf": "net.core.somaxconn = 32768\n"}
FIRST_VALUES = {"net.ipv4.tcp_fin_timeout": "30", "net.ipv4.ip_local_port_range": "10240 65000",
                "net.core.somaxconn": "32768"}
SECOND_VALUES = {"net.ipv4.tcp_fin_timeout": "20", "net.core.somaxconn": "32768", "net.ipv4.tcp_keepalive_time": "600"}
STRIDE = 1
HAD = "# what was there before\n"


class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.tree = lib.Tree(base=shm)
        cls.addClassCleanup(cls.tree.remove)
        cls.repository = lib.Repository(base=shm)
        cls.addClassCleanup(cls.repository.remove)
        subprocess.run(["mount", "--bind", "/proc/sys", cls.tree / "proc/sys"], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", cls.tree / "proc/sys"], check=True)
        cls.saved = cls.tree.path.with_name(cls.tree.path.name + "-saved")
        cls.addClassCleanup(shutil.rmtree, cls.saved, ignore_errors=True)
        cls.agent = lib.Agent(cls.tree)
        cls.tree.configure(cls.repository)
        cls.tree.write("etc/rancher/k3s/config.yaml", HAD, 0o640)
        (cls.tree / "var/lib/rancher/k3s/server/manifests").mkdir(parents=True)
        cls.originals = cls.values()
        cls.save("pristine")
        cls.commits = {}
        for name, files in (("empty", {"node.yaml": ""}), ("first", FIRST), ("second", SECOND),
                            ("less", LESS)):
            cls.commits[name] = cls.repository.commit(files, name)

    def setUp(self):
        self.bring_back("pristine")

    # ---- the machine

    @classmethod
    def values(cls):
        return {k: " ".join(cls.tree.sysctl(k).split()) for k in KEYS}

    def head(self, name):
        self.repository.run("update-ref", "refs/heads/main", self.commits[name], cwd=self.repository.remote)

    @classmethod
    def parts(cls):
        return [p for p in ("etc", "var", "run") if (cls.tree / p).exists()]

    @classmethod
    def save(cls, name):
        folder = cls.saved / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["cp", "-a", *(cls.tree / part for part in cls.parts()), folder], check=True)
        (folder / "values.json").write_text(json.dumps(cls.values()))

    @classmethod
    def bring_back(cls, name):
        folder = cls.saved / name
        for part in cls.parts():
            shutil.rmtree(cls.tree / part)
        subprocess.run(["cp", "-a", *(p for p in folder.iterdir() if p.is_dir()), cls.tree.path], check=True)
        for key, value in json.loads((folder / "values.json").read_text()).items():
            (cls.tree / "proc/sys" / key.replace(".", "/")).write_text(value + "\n")

    def once(self):
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def content(self):
        """What is on the disk, without the worker's mirror, the lock's pid, and the database: the first start after a first
        generation notes the boot in it. Its generations are compared instead."""
        history = self.agent.cli("history", "-o", "json", check=True).stdout
        return history, {str(p.relative_to(self.tree.path)): p.read_bytes() for part in ("etc", "var") for p in (self.tree / part).rglob("*")
                if p.is_file() and p.name not in ("lock", "state.db") and "git/" not in str(p)}

    def held(self):
        """key -> original, of var/lib/bedplate/held."""
        file = self.tree / "var/lib/bedplate/held"
        lines = [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else [["end"]]
        self.assertEqual(lines[-1], ["end"])
        return {line[1].replace("/", "."): line[3] for line in lines if line[0] == "sysctl"}

    # ---- what must hold after each

    def check_originals(self):
        held = self.held()
        for key, value in self.values().items():
            if value != self.originals[key]:
                self.assertEqual(held.get(key), self.originals[key], f"{key} was changed to {value}")
        for key, original in held.items():
            self.assertEqual(original, self.originals[key], key)

    def check_files(self, files):
        config = self.tree / "etc/rancher/k3s/config.yaml"
        self.assertEqual(config.read_text(), files.get(CONFIG, HAD))
        self.assertEqual(config.stat().st_mode & 0o777, 0o600 if CONFIG in files else 0o640)
        registries = self.tree / "etc/rancher/k3s/registries.yaml"
        self.assertEqual(registries.read_text() if registries.exists() else None, OPENED.get(files.get(SEALED)))
        secret = [str(p) for part in self.parts() for p in (self.tree / part).rglob("*")
                  if p.is_file() and b"hunter2" in p.read_bytes()]
        self.assertEqual(secret, [str(registries)] if SEALED in files else [])
        other = self.tree / "etc/rancher/k3s/config.yaml.d/10-kubelet.yaml"
        self.assertEqual(other.read_text() if other.exists() else None, files.get(OTHER))
        manifests = self.tree / "var/lib/rancher/k3s/server/manifests/bedplate"
        found = [p.read_text() for p in manifests.iterdir()] if manifests.exists() else []
        self.assertEqual(found, [files[MANIFEST]] if MANIFEST in files else [])

    def check_nothing_left_over(self):
        left = [str(p) for part in self.parts() for p in (self.tree / part).rglob("*")
                if p.name.endswith(".bedplate") or p.parent.name in ("stage", "bedplate-stage") or p.name.endswith("-journal")]
        self.assertEqual(left, [])

    def check_released(self):
        done = self.agent.cli("release")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.values(), self.originals)
        self.assertEqual(self.held(), {})
        self.assertFalse((self.tree / "etc/sysctl.d/99-zz-bedplate.conf").exists())
        self.check_nothing_left_over()

    def kill_at_each(self, act, check):
        """Runs `act` killed at its 1st, 2nd, ... change, each time from what is there now; check() after each."""
        self.save("start")
        stride = int(os.environ.get("BEDPLATE_KILLED_STRIDE", STRIDE))
        begin, at, tried = time.monotonic(), 1, 0
        while True:
            self.bring_back("start")
            done = subprocess.run([FAILPOINT, self.tree.path, str(at), act], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, env=self.agent.environment(), timeout=60)
            if done.returncode == 0:
                break
            with self.subTest(act=act, change=at):
                self.assertEqual(done.returncode, -9, done.stderr)
                self.check_originals()
                check()
            tried += 1
            at += stride
        changes = int(done.stdout)
        self.assertGreater(changes, 20)
        self.assertGreaterEqual(tried, changes // stride)
        print(f"\n{act}: killed at {tried} of {changes} changes, {time.monotonic() - begin:.1f} s", file=sys.stderr)
        check()

    def goes_on_to(self, wanted, files):
        """What is checked after a kill of a sync: the next start comes to the same end as if nothing had been."""
        def check():
            self.once()
            self.assertEqual(self.values(), {**self.originals, **wanted})
            self.check_files(files)
            self.check_originals()
            self.check_nothing_left_over()
            before = self.content()
            self.once()
            self.assertEqual(self.content(), before)
            self.check_released()

        return check

    # ---- the parts

    def start_from(self, name, then):
        self.head(name)
        self.once()
        self.head(then)

    def test_1_first_apply(self):
        self.head("first")
        self.kill_at_each("sync", self.goes_on_to(FIRST_VALUES, FIRST))

    def test_2_change(self):
        self.start_from("first", "second")
        self.kill_at_each("sync", self.goes_on_to(SECOND_VALUES, SECOND))

    def test_3_removal(self):
        self.start_from("second", "less")
        self.kill_at_each("sync", self.goes_on_to({"net.core.somaxconn": "32768"}, {}))

    def test_4_release(self):
        self.start_from("first", "first")

        def check():
            done = self.agent.once()
            if done.returncode != 0:  # the release had begun
                self.assertIn("released", done.stdout + done.stderr)
            self.check_originals()
            self.check_released()
            self.check_files(FIRST)  # K3s runs on them

        self.kill_at_each("release", check)


def namespaces():
    """Why this cannot be tried here, or None."""
    if os.geteuid() != 0:
        return "not root: net.* keys of its own need a network namespace"
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else None


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        unittest.main()
    reason = namespaces()
    if reason:
        print(f"SKIPPED: {reason}")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv])
