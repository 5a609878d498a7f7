"""A daemon with a repository on the tree of a K3s, stand-in or real, and what it says of its manifests."""

import json

import agent as lib
from deploy_contract import yaml_map
from k3s_standin import DATA
from kube_client import Client

MANIFESTS = f"{DATA}/server/manifests"
OURS = f"{MANIFESTS}/bedplate"
ADDONS = "/apis/k3s.cattle.io/v1/namespaces/kube-system/addons"
MAPS = "/api/v1/namespaces/default/configmaps"
BASE = {f"manifests/base-{i}.yaml": yaml_map(f"base-{i}") for i in range(6)}  # so that one more or less is not the half


def namespace(name):
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"


class Node:
    """A repository and a daemon on the tree of a K3s. Needs `tree`, `kubeconfig`, `scan`; `base` is where files may be."""

    base = None

    def begin(self):
        self.repository = lib.Repository(self.base)
        self.addCleanup(self.repository.remove)
        self.bus = lib.Bus(self.base)
        self.addCleanup(self.bus.stop)
        self.tree.sysctl("kernel.panic", "0")
        self.repository.commit(dict(BASE, **{"sysctl.d/any.conf": "kernel.panic = 10\n"}), "base")
        self.agent = lib.Agent(self.tree, self.bus)
        self.addCleanup(self.agent.stop)
        self.client = Client(self.kubeconfig)
        self.tree.configure(self.repository)
        self.agent.start()
        self.await_states(lambda states: set(states.values()) == {"accepted"} and len(states) == len(BASE))

    def wait(self, what, check, seconds=None):
        return lib.wait_for(what, check, seconds=seconds or 10 * self.scan + 40, every=0.1)

    def cli(self, *arguments):
        done = self.agent.cli(*arguments)
        return done.returncode, done.stdout + done.stderr

    def commit(self, files, message="change"):
        commit = self.repository.commit(files, message)
        code, text = self.cli("sync")
        self.assertEqual(code, 0, text)
        return commit

    def manifests(self):
        """Path in Git -> what `bedplate status -o json` says of it."""
        text = self.agent.cli("status", "-o", "json").stdout
        deployed = json.loads(text)["k3s"]["deployed"] or {}
        return {one["file"].removeprefix("manifests/"): one for one in deployed.get("manifests", [])}

    def states(self):
        return {file: one["state"] for file, one in self.manifests().items()}

    def await_states(self, check):
        try:
            return self.wait("the manifests' states", lambda: check(self.states()))
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.manifests()}\n{self.agent.log.read_text()[-3000:]}") from None

    def await_state(self, file, state):
        self.await_states(lambda states: states.get(file) == state)

    def await_gone(self, file, where=None):
        """From the status, the disk and the cluster."""
        self.await_states(lambda states: file not in states)
        if where:
            self.wait(f"{where} to go", lambda: self.client.get(where).status == 404)
        slug = file.split(".")[0].replace("/", "-")
        self.wait(f"the Addon of {file} to go", lambda: not [n for n in self.addons() if n.rpartition("-")[0] == slug])
        self.assertEqual([f for f in self.tree.files(OURS) if f.rpartition("-")[0] == slug], [])

    def addons(self):
        return {item["metadata"]["name"]: item for item in self.client.get(ADDONS).json["items"]}

    def uid(self, path):
        answer = self.client.get(path)
        return answer.json["metadata"]["uid"] if answer.status == 200 else None

    def file_of(self, name):
        """On the host, of a manifest in Git."""
        return self.tree / self.manifests()[name]["path"].removeprefix("/").removeprefix(str(self.tree.path).lstrip("/"))
