#!/usr/bin/env python3
"""What manifests cost beside a K3s that deploys them: the stand-in (tests/lib/k3s_standin.py), which looks at its files each
15 s as K3s does. BEDPLATE_BUILD names the folder of the programs, BEDPLATE_BENCH_IDLE the seconds of the idle part.
"""

import hashlib
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
from deploy_contract import yaml_map  # noqa: E402
from k3s_standin import DATA, KUBECONFIG, K3sStandin  # noqa: E402

OURS = f"{DATA}/server/manifests/bedplate"
COUNT = 1000
ROUNDS = 5


class Bench:
    def __init__(self):
        self.tree, self.repository = lib.Tree(), lib.Repository()
        self.bus = lib.Bus()
        self.server = K3sStandin(self.tree.path, interval=15.0).start()
        assert (self.tree / KUBECONFIG).exists()
        self.agent = lib.Agent(self.tree, self.bus)
        self.tree.configure(self.repository)

    def close(self):
        self.agent.stop()
        self.server.stop()
        self.bus.stop()
        self.repository.remove()
        self.tree.remove()

    def states(self):
        return ((self.agent.status().get("k3s") or {}).get("deployed") or {}).get("states") or {}

    def usage(self):
        """CPU seconds of the daemon and of what it started and waited for."""
        fields = pathlib.Path(f"/proc/{self.agent.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(f) for f in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def pss(self):
        text = pathlib.Path(f"/proc/{self.agent.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024

    def first(self):
        began = time.monotonic()
        self.repository.commit({f"manifests/m-{i:04}.yaml": yaml_map(f"m-{i:04}", x=0) for i in range(COUNT)}, "all")
        self.agent.start()
        lib.wait_for("all to be accepted", lambda: self.states().get("accepted") == COUNT, seconds=300, every=0.2)
        print(f"first {COUNT} manifests: accepted by K3s after {time.monotonic() - began:.0f} s, "
              f"CPU of the agent {self.usage():.2f} s")

    def changed(self):
        placed, accepted, cpu = [], [], []
        for i in range(ROUNDS):
            text = yaml_map("m-0500", x=i + 1)
            wanted = hashlib.sha256(text.encode()).hexdigest()
            self.repository.commit({"manifests/m-0500.yaml": text}, f"change {i}")
            file = next((self.tree / OURS).glob("m-0500-*"))
            before, began = self.usage(), time.monotonic()
            self.agent.cli("sync", check=True)
            lib.wait_for("the file", lambda f=file, t=text: f.read_text() == t, every=0.001)
            placed.append(time.monotonic() - began)
            name = file.name.split(".")[0]
            lib.wait_for("its checksum", lambda n=name, w=wanted: self.server.store.get(
                "addons.k3s.cattle.io", n, "kube-system")["spec"].get("checksum") == w, every=0.05)
            deployed = time.monotonic() - began
            lib.wait_for("the status", lambda: self.states().get("accepted") == COUNT, every=0.05)
            accepted.append((deployed, time.monotonic() - began))
            cpu.append(self.usage() - before)
        print(f"one changed of {COUNT}: in its place {statistics.median(placed) * 1000:.0f} ms after the sync was asked for, "
              f"deployed by K3s after {statistics.median(a for a, _ in accepted):.1f} s (it looks each 15 s), "
              f"known to the agent {statistics.median(b - a for a, b in accepted):.1f} s later; "
              f"CPU of all that {statistics.median(cpu) * 1000:.0f} ms")

    def idle(self):
        seconds = max(330, int(os.environ.get("BEDPLATE_BENCH_IDLE", "330")))  # it asks each 5 minutes
        time.sleep(15)
        asked, used, began = len(self.server.api.requested("")), self.usage(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        print(f"idle with {COUNT} manifests for {took:.0f} s: "
              f"{(len(self.server.api.requested('')) - asked) * 60 / took:.2f} requests to K3s's API a minute, "
              f"CPU {(self.usage() - used) / took * 100:.3f} % of a core, PSS {self.pss():.1f} MiB")


def main():
    bench = Bench()
    try:
        bench.first()
        bench.changed()
        bench.idle()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
