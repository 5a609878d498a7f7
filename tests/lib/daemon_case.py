"""What the tests of the daemon share: bedplated on a tree with a repository and, where wanted, a bus of its own."""

import json
import os
import pathlib
import subprocess
import unittest

import agent as lib

SERVICE = "dev.bedplate.Bedplate1"
OBJECT = "/dev/bedplate/Bedplate1"
SYSCTLS = {"net.ipv4.ip_forward": "0", "vm.max_map_count": "65530"}
GOOD = {
    "sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 262144\n",
    "manifests/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
}
MANIFESTS = "var/lib/rancher/k3s/server/manifests/bedplate"


class DaemonCase(unittest.TestCase):
    needs_bus = True

    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        self.bus = None
        if self.needs_bus:
            self.bus = lib.Bus()
            self.addCleanup(self.bus.stop)
        for key, value in SYSCTLS.items():
            self.tree.sysctl(key, value)
        self.repository.commit(GOOD, "good")
        self.agent = lib.Agent(self.tree, self.bus)
        self.addCleanup(self.agent.stop)

    def start(self, configure=True, **options):
        if configure:
            self.tree.configure(self.repository, **options)
        self.agent.start()
        return self.agent

    def log(self):
        return self.agent.log.read_text()

    def call(self, method, *arguments, timeout=60, prefix=()):
        """A method over the bus, as busctl does it; gives (exit status of busctl, output)."""
        self.wait_name()
        return self.raw_call(method, *arguments, timeout=timeout, prefix=prefix)

    def raw_call(self, method, *arguments, timeout=60, prefix=()):
        done = subprocess.run(
            [*prefix, "busctl", f"--address={self.bus.address}", f"--timeout={timeout}", "call", SERVICE, OBJECT,
             SERVICE, method, *arguments],
            capture_output=True, text=True, timeout=timeout + 30,
        )
        return done.returncode, done.stdout + done.stderr

    def sync(self):
        code, text = self.call("Sync", "b", "false")
        self.assertEqual(code, 0, text)
        self.assertTrue(text.startswith("is "), text)
        return int(text.split()[1]), text

    def bus_status(self, prefix=()):
        self.wait_name()
        done = subprocess.run(
            [*prefix, "busctl", f"--address={self.bus.address}", "--json=short", "get-property", SERVICE, OBJECT,
             SERVICE, "Status"],
            capture_output=True, text=True, timeout=30,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(json.loads(done.stdout)["data"])

    def wait_name(self):
        def owned():
            done = subprocess.run(["busctl", f"--address={self.bus.address}", "status", SERVICE], capture_output=True)
            return done.returncode == 0

        lib.wait_for("the name on the bus", owned)

    def wait_applied(self):
        lib.wait_for("the first generation", lambda: self.tree.sysctl("net.ipv4.ip_forward") == "1")
        lib.wait_for("its status", lambda: self.agent.status().get("generation", {}).get("state") == "applied")

    def wait_log(self, text, count=1, seconds=20):
        lib.wait_for(f"{text!r} in the log", lambda: self.log().count(text) >= count, seconds)

    def manifest(self):
        return self.tree / MANIFESTS / self.tree.files(MANIFESTS)[0]

    def usage(self):
        """CPU seconds of the daemon."""
        fields = pathlib.Path(f"/proc/{self.agent.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
