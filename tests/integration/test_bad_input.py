#!/usr/bin/env python3
"""Bad input, end to end: a commit or a host that is not as it should be costs a clear word and nothing else.

Every test runs the real programs on a tree with a good generation in force, does one bad thing, and then looks for:
the last good state still there, a message that names the thing, and an exit status that says so.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

GOOD = {
    "sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 262144\n",
    "k3s/config.yaml": "write-kubeconfig-mode: \"0600\"\n",
    "manifests/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
}


class Node(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.tree.sysctl("net.ipv4.ip_forward", "0")
        self.tree.sysctl("vm.max_map_count", "65530")
        self.agent = lib.Agent(self.tree)
        self.repository.commit(GOOD, "good")
        self.tree.configure(self.repository)
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.good = self.state()
        self.assertEqual(self.tree.sysctl("net.ipv4.ip_forward"), "1")

    def state(self):
        """What the host is: values, K3s files, boot files."""
        tree = self.tree
        files = {n: tree.read(n) for n in ("etc/sysctl.d/99-zz-bedplate.conf", "etc/rancher/k3s/config.yaml")}
        top = "var/lib/rancher/k3s/server/manifests"
        files.update({n: tree.read(f"{top}/{n}") for n in tree.files(top)})
        return files, tree.sysctl("net.ipv4.ip_forward"), tree.sysctl("vm.max_map_count")

    def refused(self, *words):
        """The next reconciliation fails, says all of `words`, and leaves the good state in force."""
        done = self.agent.once()
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, text)
        for word in words:
            self.assertIn(word, text)
        self.assertEqual(self.state(), self.good)
        return text

    def push_tree(self, mode, kind, blob, name):
        """A commit whose cluster directory holds one entry that git itself would not make."""
        run = self.repository.run
        entry = f"{mode} {kind} {blob}\t{name}"
        inner = subprocess.run(["git", "mktree", "-z", "--missing"], cwd=self.repository.clone, input=(entry + "\0").encode(),
                               capture_output=True, check=True).stdout.decode().strip()
        for part in reversed(self.repository.directory.split("/")):
            listing = f"040000 tree {inner}\t{part}\0".encode()
            inner = subprocess.run(["git", "mktree", "-z"], cwd=self.repository.clone, input=listing, capture_output=True,
                                   check=True).stdout.decode().strip()
        commit = run("commit-tree", "-p", "HEAD", "-m", "bad", inner)
        run("push", "-q", "origin", f"{commit}:main")


class BadCommits(Node):
    def test_broken_yaml(self):
        self.repository.commit({"manifests/app.yaml": "apiVersion: v1\nkind: [unclosed\n"}, "broken")
        self.refused("manifests/app.yaml:", "InvalidClusterDirectory")

    def test_unknown_key_names_the_nearest(self):
        self.repository.commit({"node.yaml": "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\ntunning: {}\n"}, "typo")
        self.refused("node.yaml:3:1", "tunning", "tuning")

    def test_symlink(self):
        target = self.repository.clone / self.repository.directory / "sysctl.d/98-link.conf"
        os.symlink("/etc/shadow", target)
        self.repository.commit({}, "link")
        self.refused("sysctl.d/98-link.conf", "link")

    def test_submodule(self):
        self.repository.run("update-index", "--add", "--cacheinfo",
                            f"160000,{'1' * 40},{self.repository.directory}/manifests/sub")
        self.repository.run("commit", "-q", "-m", "submodule")
        self.repository.run("push", "-q", "origin", "HEAD:main")
        self.refused("manifests/sub", "submodule")

    def blob(self, text="x"):
        return subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=self.repository.clone, input=text.encode(),
                              capture_output=True, check=True).stdout.decode().strip()

    def test_name_with_a_newline(self):
        self.push_tree("100644", "blob", self.blob(), "node\n.yaml")
        self.refused("node")

    def test_name_that_climbs(self):
        # mktree refuses "..": the tree is written byte by byte.
        blob = bytes.fromhex(self.blob("net.ipv4.ip_forward = 0\n"))
        raw = b"100644 ..\0" + blob
        inner = subprocess.run(["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
                               cwd=self.repository.clone, input=raw, capture_output=True, check=True).stdout.decode().strip()
        self.push_tree("040000", "tree", inner, "sysctl.d")
        self.refused("..")

    def test_file_over_one_mebibyte(self):
        self.repository.commit({"manifests/big.yaml": "# x\n" * (512 << 10)}, "big")
        self.refused("manifests/big.yaml", "1 MiB")

    def test_twenty_thousand_entries(self):
        blob = self.blob(GOOD["manifests/app.yaml"])
        listing = "".join(f"100644 blob {blob}\tm{i:05}.yaml\0" for i in range(20000)).encode()
        inner = subprocess.run(["git", "mktree", "-z"], cwd=self.repository.clone, input=listing, capture_output=True,
                               check=True).stdout.decode().strip()
        self.push_tree("040000", "tree", inner, "manifests")
        self.refused("manifests", "more than 10000 entries")

    def test_empty_cluster_directory_would_remove_everything(self):
        self.repository.commit({name: None for name in GOOD} | {"README.md": "nothing here\n"}, "empty")
        self.refused("nothing in this directory says anything", "bedplate release")

    def test_path_gone(self):
        self.repository.run("rm", "-q", "-r", "clusters")
        self.repository.run("commit", "-q", "-m", "gone")
        self.repository.run("push", "-q", "origin", "HEAD:main")
        self.refused("PathNotFound")

    def test_path_is_a_file(self):
        self.repository.run("rm", "-q", "-r", self.repository.directory)
        file = self.repository.clone / self.repository.directory
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a file\n")
        self.repository.run("add", "-A")
        self.repository.run("commit", "-q", "-m", "file")
        self.repository.run("push", "-q", "origin", "HEAD:main")
        self.refused("PathNotDirectory")

    def test_rewritten_branch_until_accepted(self):
        self.repository.run("commit", "-q", "--amend", "-m", "rewritten")
        self.repository.run("push", "-q", "-f", "origin", "HEAD:main")
        self.refused("NotDescendant", "trust accept")
        head = self.repository.run("rev-parse", "HEAD")
        self.agent.cli("trust", "accept", head, check=True)
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_token_in_any_file_is_refused_and_never_printed(self):
        token = "ghp" + "_" + "".join(chr(ord("a") + i * 7 % 26) for i in range(36))
        for name, text in (("README.md", f"use {token}\n"), ("sysctl.d/98-x.conf", f"{token}\n"),
                           ("nodes/web-02/sysctl.d/1.conf", f"vm.swappiness = {token}\n")):
            self.repository.commit({name: text}, "token")
            said = self.refused(f"{name}:1:", "looks like a GitHub token")
            self.assertNotIn(token[4:], said)
            self.assertNotIn(token[4:], self.tree.read("run/bedplate/status.json"))
            self.repository.commit({name: "# none\n"}, "without it")

    def test_the_policy_of_bedplate_conf_holds_whatever_git_says(self):
        self.tree.configure(self.repository, extra="[policy]\nraw-secrets = deny\nendpoints = *.example.com\n")
        kind = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n"
        self.repository.commit({"node.yaml": kind + "policy: {endpoints: ['*']}\n", "k3s/config.yaml": "etcd-s3: true\n"},
                               "amazon")
        self.refused("policy.endpoints", "docker.io", "2 errors")
        self.repository.commit({"k3s/config.yaml": "etcd-s3: true\netcd-s3-endpoint: s3.example.com\n"
                                                   "system-default-registry: r.example.com\n"}, "named")
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.good = self.state()
        self.repository.commit({"manifests/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: Yg==}\n"},
                               "secret")
        self.refused("policy.rawSecrets", "manifests/s.yaml:1:1")

    def test_a_bad_commit_is_forgotten_by_the_next_good_one(self):
        self.repository.commit({"sysctl.d/99-k8s.conf": "kernel.modprobe = /tmp/evil\n"}, "bad")
        self.refused("kernel.modprobe")
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 524288\n"}, "mended")
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "524288")


class BadHosts(Node):
    def test_corrupt_state_is_kept_aside_and_rebuilt(self):
        database = self.tree / "var/lib/bedplate/state.db"
        database.write_bytes(b"this is no database" * 1000)
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.state(), self.good)
        aside = [n for n in self.tree.files("var/lib/bedplate") if "corrupt" in n]
        self.assertEqual(len(aside), 1, self.tree.files("var/lib/bedplate"))
        # What was there before Bedplate came is still known: removal gives it back.
        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\n"}, "let go")
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.tree.sysctl("vm.max_map_count"), "65530")

    def on_a_real_kernel(self, sysctls, script):
        """Commits `sysctls`, and runs `script` where ONCE reconciles against the keys of a network namespace of its own."""
        if os.geteuid() != 0:
            self.skipTest("SKIPPED: needs root, for a private network namespace with real kernel keys")
        tree = self.tree
        shutil.rmtree(tree / "proc/sys/net")
        self.repository.commit({"sysctl.d/99-k8s.conf": sysctls}, "for a real kernel")
        inside = (f"mkdir -p {tree.path}/proc/sys/net && mount --bind /proc/sys/net {tree.path}/proc/sys/net && "
                  + script.replace("ONCE", f"{lib.DAEMON} --root {tree.path} --once"))
        return subprocess.run(["unshare", "-mn", "sh", "-c", inside], capture_output=True, text=True, timeout=60,
                              env=self.agent.environment())

    def test_keys_that_move_each_other_are_settled_in_one_go(self):
        # ip_forward, written later, sets every conf.*.forwarding.
        done = self.on_a_real_kernel("net.ipv4.conf.lo.forwarding = 0\nnet.ipv4.ip_forward = 1\n",
                                     "ONCE; echo once=$?; cat /proc/sys/net/ipv4/ip_forward "
                                     "/proc/sys/net/ipv4/conf/lo/forwarding; ONCE; echo again=$?")
        self.assertIn("once=0\n1\n0\n", done.stdout, done.stdout + done.stderr)
        self.assertIn("nothing to change", done.stdout.split("once=0")[1])
        self.assertIn("again=0", done.stdout)
        self.assertEqual(self.agent.status()["drift"]["total"], 0)

    def test_a_key_that_is_refused_does_not_hold_up_the_rest(self):
        tree = self.tree
        done = self.on_a_real_kernel("net.ipv4.ip_forward = 1\nnet.ipv4.ip_default_ttl = 70000\nnet.ipv4.tcp_sack = 0\n",
                                     "ONCE; echo once=$?; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/tcp_sack "
                                     "/proc/sys/net/ipv4/ip_default_ttl")
        self.assertIn("once=1\n1\n0\n64\n", done.stdout, done.stdout + done.stderr)
        self.assertIn("net.ipv4.ip_default_ttl", done.stdout + done.stderr)
        status = self.agent.status()
        self.assertEqual([p["subject"] for p in status["tuning"]["failed"]], ["net.ipv4.ip_default_ttl"])
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        self.assertEqual(ready["status"], "False")
        boot = tree.read("etc/sysctl.d/99-zz-bedplate.conf")
        self.assertIn("net.ipv4.tcp_sack", boot)
        self.assertNotIn("ip_default_ttl", boot)


@unittest.skipUnless(os.geteuid() == 0, "SKIPPED: needs root, to mount small and read-only file systems")
class BadDisks(unittest.TestCase):
    """The tree lies on a small tmpfs of its own, in a mount namespace of its own."""

    def run_inside(self, script):
        """Runs this file's own `inside_SCRIPT` in a private mount namespace."""
        done = subprocess.run(["unshare", "-m", sys.executable, __file__, f"--inside={script}"], capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_full_disk(self):
        self.run_inside("full")

    def test_read_only_file_system(self):
        self.run_inside("read_only")


def inside(script):
    base = pathlib.Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(base)], check=True)
    try:
        tree = lib.Tree(base)
        repository = lib.Repository()
        tree.sysctl("net.ipv4.ip_forward", "0")
        tree.sysctl("vm.max_map_count", "65530")
        tree.configure(repository)
        repository.commit(GOOD, "good")
        agent = lib.Agent(tree)
        done = agent.once()
        assert done.returncode == 0, done.stdout + done.stderr
        change = {"manifests/app.yaml": GOOD["manifests/app.yaml"] + "data:\n  a: \"" + "x" * 100000 + "\"\n",
                  "sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 131072\n"}
        repository.commit(change, "change")
        if script == "full":
            filler = tree / "filler"
            with open(filler, "wb", buffering=0) as out:
                try:
                    while out.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            undo = filler.unlink
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(base)], check=True)
            undo = lambda: subprocess.run(["mount", "-o", "remount,rw", str(base)], check=True)  # noqa: E731
        done = agent.once()
        text = done.stdout + done.stderr
        assert done.returncode == 1, (done.returncode, text)
        assert ("No space left" if script == "full" else "Read-only file system") in text, text
        assert tree.sysctl("vm.max_map_count") == "262144", "a value changed although nothing could be remembered"
        placed = tree.files("var/lib/rancher/k3s/server/manifests")
        assert len(placed) == 1, placed
        assert tree.read("var/lib/rancher/k3s/server/manifests/" + placed[0]) == GOOD["manifests/app.yaml"]
        undo()
        done = agent.once()
        assert done.returncode == 0, done.stdout + done.stderr
        assert tree.sysctl("vm.max_map_count") == "131072"
        repository.remove()
    finally:
        subprocess.run(["umount", "-l", str(base)], check=False)
        base.rmdir()


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("--inside="):
        inside(sys.argv[1].split("=")[1])
    else:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        unittest.main(verbosity=2)
