#!/usr/bin/env python3
"""The demo: a node is brought to what Git says, kept there, and moved on by a commit. Exits non-zero when any step did
not happen as told; it is a test as well."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import stage as theatre
from stage import lib

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("",) * 3
FORWARD = "net.ipv4.ip_forward"
CONNTRACK = "net.netfilter.nf_conntrack_max"
MANIFESTS = "var/lib/rancher/k3s/server/manifests/bedplate"


class Missed(Exception):
    pass


def expect(true, what):
    if not true:
        raise Missed(what)


def say(text):
    print(textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  "), flush=True)


class Demo:
    def __init__(self, stage):
        self.stage = stage
        self.steps = 0

    def heading(self, text):
        self.steps += 1
        print(f"\n{BOLD}{self.steps}. {text}{PLAIN}", flush=True)

    def type(self, line, statuses=(0,), cwd=None):
        """Shows a command as typed, runs it, shows what it said. Gives its output."""
        print(f"  {BOLD}$ {line}{PLAIN}", flush=True)
        done = subprocess.run(["sh", "-c", line], cwd=cwd or self.stage.base, env=self.stage.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        print(textwrap.indent(done.stdout, "    "), end="", flush=True)
        expect(done.returncode in statuses, f"`{line}` exited {done.returncode}, not {' or '.join(map(str, statuses))}")
        return done.stdout

    def status(self, section):
        return self.stage.agent.status().get(section, {})

    def key(self, name):
        return " ".join(self.stage.tree.sysctl(name).split())

    def put_back(self, what, check):
        start = time.monotonic()
        lib.wait_for(f"{what} to be put back", check, seconds=30)
        say(f"{DIM}put back after {time.monotonic() - start:.1f} s{PLAIN}")

    def play(self):
        self.scene()
        self.observe()
        self.enforce()
        self.drift()
        self.commit()
        expect(self.stage.agent.stop() == 0, "bedplated ended cleanly")

    def scene(self):
        stage = self.stage
        self.heading("The node")
        say(f"{stage.node} stands for the root of a fresh host, web-01. `bedplate` below is {lib.CLI} --root {stage.node}.")
        if stage.real:
            say("The kernel's own, in a network namespace made for this: " + ", ".join(stage.real) + ".")
        why = "because the whole machine has only one of each" if stage.real else "in place of the kernel's own"
        say(f"Plain files, {why}: " + ", ".join(stage.files) + "; and /sys/module, "
            "which says that " + ", ".join(theatre.MODULES) + " are loaded.")
        say(f"Git: examples/infra at {stage.url}" + (", by a real sshd on a loopback of our own." if stage.real else "."))
        self.type("cat node/etc/bedplate/bedplate.conf")

    def observe(self):
        self.heading("The agent starts, and only looks")
        start = time.monotonic()
        self.stage.agent.start()
        say(f"{DIM}bedplated is ready after {time.monotonic() - start:.1f} s{PLAIN}")
        shown = self.type("bedplate diff", statuses=(1,))
        for subject in (FORWARD, CONNTRACK, "argocd"):
            expect(subject in shown, f"the plan names {subject}")
        expect(self.key(FORWARD) == "0", "observe mode changes nothing")
        expect(not self.manifests(), "observe mode places nothing")

    def manifests(self):
        return self.stage.tree.files(MANIFESTS)

    def enforce(self):
        self.heading("It may act")
        start = time.monotonic()
        self.type("bedplate enforce")
        lib.wait_for("the first generation", lambda: self.status("generation").get("state") == "applied", seconds=30)
        say(f"{DIM}applied after {time.monotonic() - start:.1f} s{PLAIN}")
        shown = self.type(self.stage.read_keys(FORWARD, "net.ipv4.tcp_tw_reuse"))
        expect(shown.split() and self.key(FORWARD) == "1" and self.key("net.ipv4.tcp_tw_reuse") == "1", "the kernel has the values")
        expect(self.key(CONNTRACK) == "262144", "the node's layer wins over the cluster's")
        self.type("ls node/etc/rancher/k3s node/etc/rancher/k3s/config.yaml.d node/" + MANIFESTS)
        expect(len(self.manifests()) == len(list((theatre.EXAMPLE / theatre.CLUSTER / "manifests").rglob("*.yaml"))),
               "every manifest is in place")
        expect(self.stage.tree.files("etc/rancher/k3s") == ["config.yaml", "config.yaml.d/20-kubelet.yaml",
                                                            "config.yaml.d/30-server.yaml", "config.yaml.d/50-ingress.yaml"],
               "K3s's configuration is that of a server called web-01")
        shown = self.type("bedplate status", statuses=(0, 1))
        ready = [c["status"] for c in self.status("conditions") if c["type"] == "Ready"]
        expect(ready == ["True"] and "enforce" in shown, "the status is Ready and says enforce")
        self.type("bedplate diff")

    def drift(self):
        self.heading("Somebody changes a kernel value by hand")
        self.type(self.stage.write_key(FORWARD, 0))
        self.put_back(FORWARD, lambda: self.key(FORWARD) == "1")

        self.heading("And a manifest")
        name = next(n for n in self.manifests() if "app-backend-api" in n)
        file = self.stage.node / MANIFESTS / name
        before = hashlib.sha256(file.read_bytes()).digest()
        self.type(f"sed -i 's/selfHeal: true/selfHeal: false/' node/{MANIFESTS}/{name}")
        self.put_back(name, lambda: file.exists() and hashlib.sha256(file.read_bytes()).digest() == before)
        shown = self.type(f"bedplate explain /{MANIFESTS}/{name}")
        expect("manifests/argocd/app-backend-api.yaml" in shown, "explain names the file in Git")

    def commit(self):
        self.heading("A commit")
        clone = self.stage.base / "infra"
        self.type(f"git clone -q {self.stage.url}")
        own = f"{theatre.CLUSTER}/nodes/web-01/sysctl.d/50-ingress.conf"
        self.type(f"sed -i 's/nf_conntrack_max = 262144/nf_conntrack_max = 524288/' {own}", cwd=clone)
        self.type("git commit -q -a -m 'web-01: raise conntrack'", cwd=clone)
        self.type("git push -q", cwd=clone)
        start = time.monotonic()
        self.type("bedplate sync")
        expect(self.key(CONNTRACK) == "524288", "the pushed value is in force")
        say(f"{DIM}from push to applied: {time.monotonic() - start:.1f} s{PLAIN}")
        shown = self.type(f"bedplate explain {CONNTRACK}")
        expect("nodes/web-01" in shown and "524288" in shown, "explain names the layer and the value")
        shown = self.type("bedplate history")
        expect(all(word in shown for word in ("web-01: raise conntrack", FORWARD, "app-backend-api")),
               "the history has the commit and both drifts")
        self.type("bedplate status", statuses=(0, 1))


def inside(full):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stage = theatre.FullStage() if full else theatre.PlainStage()
    try:
        Demo(stage).play()
        return 0
    except (Missed, AssertionError, subprocess.SubprocessError) as problem:
        print(f"\ndemo: did not happen: {problem}", file=sys.stderr)
        if stage.agent.log.exists():
            print("bedplated said:\n" + textwrap.indent(stage.agent.log.read_text()[-4000:], "    "), file=sys.stderr)
        return 1
    finally:
        stage.close()


def main(arguments):
    if arguments == ["--inside"]:
        return inside(full=True)
    for program in (lib.CLI, lib.DAEMON, lib.WORKER):
        if not program.exists():
            print(f"demo: {program} is not there: ./dev build", file=sys.stderr)
            return 1
    start = time.monotonic()
    before = theatre.host_values()
    print(f"{BOLD}Bedplate, the main job from beginning to end{PLAIN}")
    missing = theatre.FullStage.possible()
    if missing or arguments == ["--plain"]:
        say(("This is the show on plain files. " if not missing else f"Without {missing} this runs on plain files. ") +
            "The full one (sudo ./dev run) has real kernel values and a real Git server over SSH, in namespaces of its own.")
        status = inside(full=False)
    else:
        status = theatre.FullStage.enter(sys.executable, os.path.abspath(__file__), "--inside")
    if theatre.host_values() != before:
        print("demo: a value of this machine changed meanwhile", file=sys.stderr)
        status = status or 1
    if status == 0:
        print(f"\n{BOLD}Done in {time.monotonic() - start:.0f} s.{PLAIN} This machine's own values are as they were; nothing is left.")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
