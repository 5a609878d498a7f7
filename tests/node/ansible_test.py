"""The Ansible collection, over real SSH, on a whole node: built, installed, run, and run again without a change."""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import node as nodes  # noqa: E402
from node import wait_for  # noqa: E402
from node_test import Repository, package  # noqa: E402

COLLECTION = HERE.parents[1] / "ansible"
PLAYBOOK = """---
- name: Bedplate
  hosts: all
  roles:
    - role: bedplate.node.bedplate
      vars:
        bedplate_package: "{package}"
        bedplate_repository_url: "{url}"
        bedplate_repository_path: "{path}"
        bedplate_repository_interval: 5s
        bedplate_mode: enforce
        bedplate_node_role: server
        bedplate_ssh_key: "{{{{ lookup('file', '{key}') }}}}"
        bedplate_known_hosts: "127.0.0.1 {host_key}"
        bedplate_metrics_file: /var/lib/node-exporter/bedplate.prom
"""


@unittest.skipUnless(shutil.which("ansible-playbook"), "ansible-playbook is not installed (./dev deps node)")
class Ansible(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = node = nodes.Node()
        cls.addClassCleanup(node.remove)
        # Only so that apt has what the package needs: Ansible brings the package itself.
        shutil.copy(package(), node.file("root/bedplate.deb"))
        node.fetch_packages("/root/bedplate.deb")
        node.file("root/bedplate.deb").unlink()
        cls.key = node.work / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(cls.key)], check=True)
        node.write("root/.ssh/authorized_keys", cls.key.with_suffix(".pub").read_text())
        node.file("root/.ssh").chmod(0o700)
        (node.path / "var/lib/node-exporter").mkdir(parents=True)
        node.boot()
        cls.repository = Repository(base=node.file("srv"))
        cls.commit = cls.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.tcp_fin_timeout = 30\n"}, "first")
        host_key = " ".join(node.file("etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
        (node.work / "known_hosts").write_text(f"127.0.0.1 {host_key}\n")
        remote = "/" + str(cls.repository.remote.relative_to(node.path))
        (node.work / "play.yml").write_text(PLAYBOOK.format(
            package=package(), url=f"ssh://root@127.0.0.1{remote}", path=cls.repository.directory, key=cls.key,
            host_key=host_key))
        (node.work / "hosts.ini").write_text("web-01 ansible_host=127.0.0.1 ansible_user=root "
                                             "ansible_python_interpreter=/usr/bin/python3\n")
        cls.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(node.work), "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(node.work / "collections"), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_ARGS": f"-o UserKnownHostsFile={node.work}/known_hosts -o ControlMaster=no",
            "ANSIBLE_PRIVATE_KEY_FILE": str(cls.key), "ANSIBLE_LOCAL_TEMP": str(node.work / "tmp")}
        cls.call("ansible-galaxy", "collection", "build", str(COLLECTION), "--output-path", str(node.work))
        cls.call("ansible-galaxy", "collection", "install", *map(str, node.work.glob("bedplate-node-*.tar.gz")),
                 "--collections-path", str(node.work / "collections"))

    @classmethod
    def call(cls, *command, network=()):
        done = subprocess.run([*network, *command], env=cls.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=600, cwd=cls.node.work)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def play(self, *options):
        """Runs the playbook in the node's network; the numbers of its recap, and all it printed."""
        network = ["nsenter", f"--target={self.node.leader()}", "--net"]
        output = self.call("ansible-playbook", "-i", "hosts.ini", "--diff", *options, "play.yml", network=network)
        recap = re.search(r"web-01\s+: (.*)", output)
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", recap.group(1))}, output

    def test_1_check_mode_on_a_bare_host_changes_nothing(self):
        recap, output = self.play("--check")
        self.assertEqual(recap["failed"], 0, output)
        self.assertFalse(self.node.file("etc/bedplate").exists())
        self.assertIn("would be copied and installed", output)

    def test_2_first_run_puts_the_agent_to_work(self):
        recap, output = self.play()
        self.assertGreater(recap["changed"], 4, output)
        self.assertNotIn("OPENSSH PRIVATE KEY", output)
        self.assertEqual(self.node.show("ActiveState", "UnitFileState"),
                         {"ActiveState": "active", "UnitFileState": "enabled"})
        self.assertEqual(oct(self.node.file("etc/bedplate/deploy-key").stat().st_mode & 0o7777), "0o600")
        try:
            wait_for("the commit", lambda: self.node.status()["generation"]["commit"] == self.commit
                     and self.node.sysctl("net.ipv4.tcp_fin_timeout") == "30", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.node.run('journalctl', '--no-pager', '-u', 'bedplated')}") from None
        wait_for("the metrics", self.node.file("var/lib/node-exporter/bedplate.prom").exists, 30)

    def test_3_second_run_changes_nothing(self):
        recap, output = self.play()
        self.assertEqual((recap["changed"], recap["failed"]), (0, 0), output)
        recap, output = self.play("--check")
        self.assertEqual((recap["changed"], recap["failed"]), (0, 0), output)

    def test_4_a_wrong_setting_is_refused_before_it_is_in_place(self):
        before = self.node.file("etc/bedplate/bedplate.conf.d/10-ansible.conf").read_text()
        with self.assertRaisesRegex(AssertionError, "failed to validate"):
            self.play("--extra-vars", "bedplate_repository_interval=often")
        self.assertEqual(self.node.file("etc/bedplate/bedplate.conf.d/10-ansible.conf").read_text(), before)


if __name__ == "__main__":
    unittest.main()
