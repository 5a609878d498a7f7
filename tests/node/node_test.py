"""The package on a whole node: installed by apt, run by systemd, fed by Git over SSH, looked at as an operator would.

The tests are one story, in order. Only net.* is the node's own: the unit's file system protection remounts /proc/sys
writable also in a container, and fs.*, vm.* and kernel.* would be this machine's.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import agent  # noqa: E402
import node as nodes  # noqa: E402
from node import wait_for  # noqa: E402
from words import Story  # noqa: E402

DIST = HERE.parents[1] / "dist"
MANIFESTS = "/var/lib/rancher/k3s/server/manifests/bedplate"
APT = ("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends")

CLUSTER = {
    "sysctl.d/99-k8s.conf": "net.ipv4.tcp_fin_timeout = 30\nnet.ipv4.tcp_tw_reuse = 1\nnet.core.somaxconn = 32768\n",
    "manifests/app/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: app\n",
    "nodes/web-01/sysctl.d/50-web.conf": "net.ipv4.tcp_fin_timeout = 25\n",
}
# Stands for K3s: says what it found at its start. What is more of K3s is in k3s_test.py.
K3S_CONFIG = 'write-kubeconfig-mode: "0600"\n'
K3S_UNIT = """[Unit]
Description=What K3s would see
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/sys/net/ipv4/tcp_fin_timeout > /run/k3s-saw'
[Install]
WantedBy=multi-user.target
"""


def package():
    found = sorted(DIST.glob("bedplate_*.deb"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise AssertionError(f"no package in {DIST}: ./dev package")
    return found[-1]


class Repository(agent.Repository):
    def commit(self, files, *args, **options):
        for name, text in files.items():
            keys = re.findall(r"(?m)^\s*([\w.-]+)\s*=", text or "") if name.endswith(".conf") else []
            assert all(key.startswith("net.") for key in keys), f"{name} would change the machine that runs the test"
        return super().commit(files, *args, **options)


class Package(Story):
    @classmethod
    def setUpClass(cls):
        cls.node = nodes.Node()
        cls.addClassCleanup(cls.put_away)
        shutil.copy(package(), cls.node.file("root/bedplate.deb"))
        cls.node.fetch_packages("/root/bedplate.deb")
        cls.node.write("etc/systemd/system/k3s.service", K3S_UNIT)
        cls.node.write("etc/gitconfig", "[safe]\n\tdirectory = *\n")
        cls.node.boot()
        cls.node.run("systemctl", "enable", "--now", "k3s.service")
        cls.repository = Repository(base=cls.node.file("srv"))
        cls.in_node = "/" + str(cls.repository.remote.relative_to(cls.node.path))
        cls.kernel = {k: cls.node.sysctl(k) for k in
                      ("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_reuse", "net.core.somaxconn",
                       "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_syn_backlog")}

    @classmethod
    def put_away(cls):
        if os.environ.get("BEDPLATE_NODE_KEEP") and cls.node.process:
            print(f"\nkept: nsenter -t {cls.node.leader()} -a; tree {cls.node.path}; end it with: kill {cls.node.process.pid}"
                  f" && umount {cls.node.path}")
            return
        cls.node.remove()

    # ---- words of the story

    def configure(self, url, mode="enforce", extra=""):
        self.node.write("etc/bedplate/bedplate.conf.d/10-test.conf",
                        f"[repository]\nurl = {url}\npath = {self.repository.directory}\ninterval = 5s\ntimeout = 10s\n"
                        f"{extra}[node]\nmode = {mode}\n")
        self.node.run("bedplated", "--check-config")
        self.node.run("systemctl", "reload", "bedplated.service")

    def manifests(self):
        folder = self.node.file(MANIFESTS)
        return {p.name: p.read_text() for p in sorted(folder.iterdir())} if folder.exists() else {}

    def the_one_manifest(self):
        manifests = self.manifests()
        self.assertEqual(len(manifests), 1, manifests)
        return self.node.file(MANIFESTS) / next(iter(manifests))

    # ---- the story

    def test_01_installed_and_unconfigured_it_waits(self):
        self.node.run(*APT, "install", "/root/bedplate.deb")
        show = self.node.show("ActiveState", "SubState", "NRestarts", "Type", "UnitFileState")
        self.assertEqual(show, {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "Type": "notify",
                                "UnitFileState": "enabled"})
        self.assertEqual(self.node.failed_units(), "")
        status = self.status_with("a status", lambda s: s["mode"] == "unconfigured")
        self.assertEqual(self.condition(status, "Ready")["reason"], "Unconfigured")
        self.assertEqual([e["MESSAGE"] for e in self.node.journal() if int(e["PRIORITY"]) <= 4], [])
        self.assertFalse(self.node.file("etc/sysctl.d/99-zz-bedplate.conf").exists())
        self.assertEqual(self.node.run("stat", "-c", "%U:%G %a", "/var/lib/bedplate").strip(), "root:root 711")
        self.assertEqual(self.node.run("stat", "-c", "%U:%G %a", "/var/lib/bedplate/git").strip(), "bedplate:bedplate 700")

    def test_02_unit_is_hardened(self):
        self.node.run("systemd-analyze", "security", "--no-pager", "--threshold=40", "bedplated.service")
        warnings = self.node.try_run("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/bedplated.service").stderr
        self.assertEqual([line for line in warnings.splitlines() if "bedplate" in line], [])

    def test_03_a_wrong_configuration_is_told_and_not_used(self):
        self.node.write("etc/bedplate/bedplate.conf.d/10-test.conf", "[repository]\nurll = file:///srv/x.git\n")
        told = self.node.try_run("bedplated", "--check-config")
        self.assertNotEqual(told.returncode, 0)
        self.assertIn("10-test.conf:2", told.stdout + told.stderr)
        self.node.try_run("systemctl", "reload", "bedplated.service")
        self.assertEqual(self.node.show("ActiveState"), {"ActiveState": "active"})

    def test_04_observing_it_changes_nothing(self):
        self.repository.commit(CLUSTER, "first")
        self.configure(f"file://{self.in_node}", mode="observe")
        status = self.status_with("pending changes", lambda s: len(s["pendingChanges"]) >= 4)
        self.assertEqual(status["mode"], "observe")
        self.assertEqual(status["node"]["role"], "server")
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_fin_timeout"), self.kernel["net.ipv4.tcp_fin_timeout"])
        self.assertEqual(self.manifests(), {})
        self.assertEqual(self.node.try_run("bedplate", "diff").returncode, 1)

    def test_05_a_commit_arrives_over_ssh(self):
        key = self.node.work / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deploy", "-f", str(key)], check=True)
        self.node.run("useradd", "--create-home", "git")
        self.node.write("home/git/.ssh/authorized_keys", key.with_suffix(".pub").read_text())
        host_key = self.node.file("etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        self.node.write("etc/bedplate/known_hosts", f"127.0.0.1 {host_key[0]} {host_key[1]}\n")
        self.node.write("etc/bedplate/deploy-key", key.read_text(), 0o600)
        self.configure(f"ssh://git@127.0.0.1{self.in_node}",
                       extra="ssh-key = /etc/bedplate/deploy-key\nknown-hosts = /etc/bedplate/known_hosts\n")
        self.in_force(self.repository.run("rev-parse", "HEAD"))

        commit = self.repository.commit({"sysctl.d/98-more.conf": "net.ipv4.tcp_max_syn_backlog = 8192\n"}, "more")
        status = self.in_force(commit)
        self.assertEqual(self.condition(status, "Ready")["status"], "True", status)
        self.assertEqual(status["layers"], ["cluster", "nodes/web-01"])
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_max_syn_backlog"), "8192")
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_fin_timeout"), "25")  # the node's layer over the cluster's
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_tw_reuse"), "1")
        self.assertEqual(self.the_one_manifest().read_text(), CLUSTER["manifests/app/namespace.yaml"])
        self.assertIn("net.ipv4.tcp_max_syn_backlog", self.node.file("etc/sysctl.d/99-zz-bedplate.conf").read_text())

        entries = self.node.journal(f"BEDPLATE_COMMIT={commit}")
        self.assertTrue([e for e in entries if e.get("BEDPLATE_REASON") == "Applied" and int(e["BEDPLATE_GENERATION"]) > 1],
                        entries)
        self.assertIn("net.ipv4.tcp_max_syn_backlog", [e.get("BEDPLATE_KEY") for e in self.node.journal()])
        screen = self.node.try_run("bedplate", "status")
        self.assertEqual(screen.returncode, 0, screen.stdout + screen.stderr)
        self.assertTrue(all(len(line) <= 80 for line in screen.stdout.splitlines()), screen.stdout)
        # The worker's files are the worker's; what root keeps is out of its reach.
        self.assertEqual(self.node.run("stat", "-c", "%U", "/var/lib/bedplate/git/mirror.git").strip(), "bedplate")
        for reach in ("-w /var/lib/bedplate/state.db", "-w /var/lib/bedplate", "-r /var/lib/bedplate",
                      "-r /var/lib/bedplate/generations", "-r /etc/bedplate/deploy-key"):
            self.assertEqual(self.node.try_run("test", *reach.split(), user="bedplate").returncode, 1, reach)

    def test_06_what_somebody_changes_is_put_back(self):
        before = self.node.status()["drift"]["total"]
        self.node.run("sysctl", "-w", "net.ipv4.tcp_fin_timeout=77")
        wait_for("the sysctl to be put back", lambda: self.node.sysctl("net.ipv4.tcp_fin_timeout") == "25", 30)
        manifest = self.the_one_manifest()
        manifest.write_text("kind: nonsense\n")
        wait_for("the manifest to be put back", lambda: manifest.exists()
                 and manifest.read_text() == CLUSTER["manifests/app/namespace.yaml"], 30)
        manifest.unlink()
        wait_for("the manifest to be back", manifest.exists, 30)
        status = self.status_with("three repairs", lambda s: s["drift"]["total"] >= before + 3)
        self.assertEqual(status["drift"]["unrepaired"], [])
        self.assertIn("net.ipv4.tcp_fin_timeout", [e.get("BEDPLATE_KEY") for e in self.node.journal()])

    def test_07_everyone_may_read_and_root_may_act(self):
        bus = ("busctl", "--system", "--timeout=60")
        name = ("dev.bedplate.Bedplate1", "/dev/bedplate/Bedplate1", "dev.bedplate.Bedplate1")
        read = self.node.run(*bus, "--json=short", "get-property", *name, "Status", user="nobody")
        self.assertEqual(json.loads(json.loads(read)["data"])["node"]["name"], "web-01")
        self.node.run(*bus, "introspect", *name[:2], user="nobody")
        denied = self.node.try_run(*bus, "call", *name, "Sync", "b", "false", user="nobody")
        self.assertNotEqual(denied.returncode, 0)
        self.assertRegex(denied.stderr, re.compile("access denied", re.IGNORECASE))
        self.assertRegex(self.node.run(*bus, "call", *name, "Sync", "b", "false"), r"^is 0 ")
        status = self.node.try_run("bedplate", "status", user="nobody")
        self.assertEqual(status.returncode, 0, status.stdout + status.stderr)
        self.assertNotEqual(self.node.try_run("bedplate", "sync", user="nobody").returncode, 0)

    def test_08_a_refused_value_is_told_and_the_rest_applied(self):
        refused = {"sysctl.d/97-refused.conf": "net.ipv4.tcp_syn_retries = 999\nnet.ipv4.tcp_keepalive_time = 600\n"}
        commit = self.repository.commit(refused, "refused here")
        status = self.status_with("the refusal", lambda s: s["source"]["head"] == commit and s["tuning"]["failed"])
        self.assertEqual([p["subject"] for p in status["tuning"]["failed"]], ["net.ipv4.tcp_syn_retries"])
        self.assertEqual(self.condition(status, "Ready")["status"], "False")
        wait_for("the other key", lambda: self.node.sysctl("net.ipv4.tcp_keepalive_time") == "600", 20)
        self.assertEqual(self.node.try_run("bedplate", "status").returncode, 2)
        # And what is taken out of Git gets back what it was, in the same boot.
        commit = self.repository.commit({"sysctl.d/97-refused.conf": None}, "not here")
        status = self.in_force(commit)
        self.assertEqual(self.condition(status, "Ready")["status"], "True", status)
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_keepalive_time"), self.kernel["net.ipv4.tcp_keepalive_time"])

    def test_09_an_upgrade_restarts_it(self):
        before = self.node.show("MainPID")
        self.node.run(*APT, "install", "--reinstall", "/root/bedplate.deb")
        self.assertNotEqual(self.node.show("MainPID"), before)
        status = self.status_with("a new start", lambda s: self.condition(s, "Ready")["status"] == "True")
        self.assertEqual(status["generation"]["state"], "applied")

    def test_10_a_reboot_without_git_keeps_the_state(self):
        before = self.node.status()
        # Nothing but the agent may set the values: K3s's stand-in must find them at its start.
        self.node.run("systemctl", "mask", "systemd-sysctl.service")
        self.node.run("systemctl", "disable", "ssh.service", "ssh.socket")
        self.node.reboot()
        self.assertEqual(self.node.file("run/k3s-saw").exists(), False)  # /run is the node's own
        self.assertEqual(self.node.run("cat", "/run/k3s-saw").strip(), "25")
        self.assertEqual(self.node.failed_units(), "")
        status = self.status_with("the remote to be missed", lambda s: s["source"]["problem"])
        self.assertEqual(status["source"]["problem"]["reason"], "RemoteUnreachable")
        self.assertEqual(self.condition(status, "Ready"), {**self.condition(status, "Ready"), "status": "True",
                                                           "reason": "LastGoodInForce"})
        self.assertEqual(status["generation"]["commit"], before["generation"]["commit"])
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_max_syn_backlog"), "8192")
        self.assertEqual(self.the_one_manifest().read_text(), CLUSTER["manifests/app/namespace.yaml"])

    def test_11_a_power_cut_keeps_it_too(self):
        self.node.power_cut()
        self.node.boot()
        self.assertEqual(self.node.run("cat", "/run/k3s-saw").strip(), "25")
        self.node.run("systemctl", "unmask", "systemd-sysctl.service")
        self.node.run("systemctl", "enable", "--now", "ssh.service")
        self.status_with("the remote again", lambda s: s["source"]["problem"] is None
                         and self.condition(s, "Ready")["reason"] == "InForce", 120)

    def test_12_removal_keeps_values_and_state(self):
        self.node.run(*APT, "remove", "bedplate")
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_fin_timeout"), "25")
        self.assertTrue(self.node.file("var/lib/bedplate/state.db").exists())
        self.assertTrue(self.node.file("etc/sysctl.d/99-zz-bedplate.conf").exists())
        self.node.run(*APT, "install", "/root/bedplate.deb")
        self.status_with("the agent again", lambda s: self.condition(s, "Ready")["status"] == "True")

    def test_13_release_and_purge_leave_nothing_of_ours(self):
        # Taken in this boot, so that its original is known.
        commit = self.repository.commit({"sysctl.d/96-last.conf": "net.ipv4.tcp_keepalive_time = 601\n",
                                         "k3s/config.yaml": K3S_CONFIG}, "last")
        self.in_force(commit)
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_keepalive_time"), "601")
        self.node.run("bedplate", "release")
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_keepalive_time"), self.kernel["net.ipv4.tcp_keepalive_time"])
        self.assertFalse(self.node.file("etc/sysctl.d/99-zz-bedplate.conf").exists())
        # What was taken over in an earlier boot stands as it is until the next one, which is at the end.
        self.assertEqual(self.node.sysctl("net.ipv4.tcp_fin_timeout"), "25")
        self.node.run(*APT, "purge", "bedplate")
        shutil.rmtree(self.repository.base)
        left = self.node.run("sh", "-c", "find / -xdev -path /proc -prune -o -iname '*bedplate*' -print; ls -d /run/*bedplate*"
                             " 2>/dev/null || true").split()
        # What K3s runs on stays: its files are K3s's now.
        self.assertEqual(sorted(p for p in left if not p.startswith("/var/log/")), ["/root/bedplate.deb", MANIFESTS])
        self.assertEqual(self.the_one_manifest().read_text(), CLUSTER["manifests/app/namespace.yaml"])
        self.assertEqual(self.node.file("etc/rancher/k3s/config.yaml").read_text(), K3S_CONFIG)
        self.assertFalse(self.node.file("etc/rancher/bedplate-stage").exists())
        self.assertNotIn("bedplate", self.node.run("systemctl", "list-unit-files"))
        self.node.reboot()
        self.assertEqual({k: self.node.sysctl(k) for k in self.kernel}, self.kernel)
        self.assertEqual(self.node.failed_units(), "")


if __name__ == "__main__":
    unittest.main()
