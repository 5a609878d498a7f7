"""A real K3s server for tests: the binary that K3S_BIN names (or k3s on PATH), without its agent (no kubelet, no images), in
mount, network and PID namespaces of its own, on tmpfs. Its deploy controller looks at the manifests each 15 s.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import agent as lib

K3S = os.environ.get("K3S_BIN") or shutil.which("k3s")
DATA = "var/lib/rancher/k3s"
SCAN = 15
NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def arguments(data, address="127.0.0.1", port=16443):
    """Of a server whose data lie there: its API and controllers, and nothing that needs a kernel."""
    return ["--disable-agent", "--data-dir", str(data), "--https-listen-port", str(port), "--bind-address", address,
            "--node-ip", address, "--advertise-address", address, "--egress-selector-mode", "disabled",
            "--disable", "coredns,traefik,servicelb,local-storage,metrics-server", "--flannel-backend", "none",
            "--disable-network-policy", "--disable-cloud-controller", "--disable-helm-controller", "--disable-kube-proxy",
            "--disable-scheduler", "--token", "test-token", "--kube-controller-manager-arg", "secure-port=0"]


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
        self.log, self.more = home / "k3s.log", more
        self.start()

    def start(self):
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self.process = subprocess.Popen(
            [K3S, "server", "--write-kubeconfig", str(self.kubeconfig), *arguments(self.data), *self.more],
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


def missing():
    """Why there is no real K3s here; None where there is one."""
    if not K3S or not os.access(K3S, os.X_OK):
        return "no K3s: set K3S_BIN to a k3s binary (or put k3s on PATH)"
    if os.geteuid() != 0:
        return "K3s and its namespaces need root"
    if subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode != 0:
        return "no namespaces here (unshare is refused)"
    return None


def inside():
    return "BEDPLATE_TEST_INSIDE" in os.environ


def go_inside():
    """This program once more, in namespaces of its own; gives its status."""
    return subprocess.run([*NAMESPACES, sys.executable, *sys.argv], env=dict(os.environ, BEDPLATE_TEST_INSIDE="1")).returncode


def prepare():
    """Inside: /run is a tmpfs, /etc is written to a layer of ours (K3s keeps files in /etc/rancher)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for command in (["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], ["mkdir", "/run/upper", "/run/work"],
                    ["mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work", "overlay", "/etc"]):
        subprocess.run(command, check=True)
    lib.loopback_up()
