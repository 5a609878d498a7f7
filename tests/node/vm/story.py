"""A story on a virtual machine: how it begins and ends, and the words it is told in."""

import io
import json
import os
import pathlib
import sys
import tarfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import image as images  # noqa: E402
import machine as machines  # noqa: E402
from node import wait_for  # noqa: E402
from node_test import package  # noqa: E402
from words import Words  # noqa: E402

DIRECTORY = "clusters/oslo-prod/node"
# Stands for K3s: says what it found at its start. boot-saw is earlier: what the boot files alone have set.
SAW = """[Unit]
Description=What {who} would see
{order}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/saw /run/{who}-saw
[Install]
WantedBy=multi-user.target
"""
SAW_PROGRAM = """#!/bin/sh
cd /proc/sys
for key in {keys}; do [ ! -e $key ] || echo "$key $(cat $key)"; done > $1.new
for file in /var/lib/rancher/k3s/server/manifests/bedplate/* /etc/rancher/k3s/config.yaml; do
  [ ! -e $file ] || echo "$file $(grep -o 'generation-.*' $file)"
done >> $1.new
mv $1.new $1
"""
KEYS = ["fs.inotify.max_user_instances", "fs.inotify.max_user_watches", "vm.max_map_count", "vm.swappiness",
        "vm.dirty_background_ratio", "kernel.pid_max", "kernel.printk", "kernel.panic", "vm.overcommit_memory",
        "vm.min_free_kbytes", "vm.panic_on_oom"]
LEFT = ("kernel.panic", "vm.overcommit_memory")  # the kubelet sets them too: they are let go as they are


def conf(values):
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def blanks(values):
    """Values as the kernel shows them, with one blank where it has tabs."""
    return {k: None if v is None else " ".join(v.split()) for k, v in values.items()}


class Story(Words, unittest.TestCase):
    failed_at = None

    @classmethod
    def setUpClass(cls):
        reason = images.why_not()
        if reason:
            raise unittest.SkipTest(f"SKIPPED: {reason}")
        cls.node = cls.vm = vm = machines.Machine(package())
        cls.addClassCleanup(cls.put_away)
        vm.boot()
        vm.write("/usr/local/bin/saw", SAW_PROGRAM.format(keys=" ".join(k.replace(".", "/") for k in KEYS)), 0o755)
        vm.write("/etc/systemd/system/k3s.service", SAW.format(who="k3s", order=""))
        vm.write("/etc/systemd/system/boot.service", SAW.format(
            who="boot", order="After=systemd-sysctl.service systemd-modules-load.service\nBefore=bedplated.service"))
        # Git in the guest must survive a power cut by itself, or the test would be one of Git.
        vm.write("/etc/gitconfig", "[safe]\n\tdirectory = *\n[core]\n\tfsync = all\n[user]\n\tname = Ada\n"
                                   "\temail = ada@nordic-corp.no\n")
        vm.sh("systemctl -q enable boot.service; systemctl -q enable --now k3s.service; mkdir -p /srv/infra;"
              " git init -q -b main /srv/infra; git init -q --bare -b main /srv/infra.git")
        vm.write("/root/bedplate.deb", package().read_bytes())
        cls.kernel = blanks(vm.sysctls(*KEYS))

    @classmethod
    def put_away(cls):
        if cls.vm.boots:
            print(f"\n{len(cls.vm.boots)} boots, {min(cls.vm.boots):.0f} to {max(cls.vm.boots):.0f} s each", file=sys.stderr)
        if os.environ.get("BEDPLATE_NODE_KEEP") and cls.vm.process.poll() is None:
            print(f"\nkept, until it is ended with: kill {cls.vm.process.pid}; disk and console in {cls.vm.work}")
            return
        cls.vm.remove()

    def setUp(self):
        if Story.failed_at:
            self.skipTest(f"the story ended at {Story.failed_at}")

    def tearDown(self):
        outcome = self._outcome.result
        if not any(test is self for test, _ in outcome.failures + outcome.errors):
            return
        Story.failed_at = self._testMethodName
        print(f"\n---- the console:\n{self.vm.console()}")
        if self.vm.process.poll() is None:
            journal = self.vm.try_run("journalctl", "--no-pager", "-u", "bedplated", "-n", "60").stdout
            print(f"---- the journal of bedplated:\n{journal}----")

    # ---- words of the story

    def commit(self, files, message="change", push=True):
        """files: path within the cluster directory -> text, or None to remove it. Gives the commit's id."""
        archive = io.BytesIO()
        gone = [name for name, text in files.items() if text is None]
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, text in files.items():
                if text is not None:
                    entry = tarfile.TarInfo(f"{DIRECTORY}/{name}")
                    entry.size = len(text.encode())
                    tar.addfile(entry, io.BytesIO(text.encode()))
        script = f"""cd /srv/infra; tar -xf -; cd {DIRECTORY}; for name; do rm "$name"; done
git add -A .; git commit -q --allow-empty -m '{message}'; {'git push -q /srv/infra.git HEAD:main' if push else ''}
git rev-parse HEAD"""
        return self.vm.run("sh", "-ec", script, "sh", *gone, data=archive.getvalue()).strip()

    def holds(self, wanted):
        self.assertEqual(blanks(self.vm.sysctls(*wanted)), wanted)

    def seconds_until(self, act, key, value, limit=30):
        """Does `act` (shell) in the guest and gives the seconds, by its own clock, until `key` holds `value`."""
        script = """import subprocess, sys, time
act, path, value, limit = sys.argv[1:]
subprocess.run(["sh", "-ec", act], check=True)
start = time.monotonic()
while time.monotonic() < start + float(limit):
    try:
        if open(path).read().split() == value.split():
            print(time.monotonic() - start)
            sys.exit()
    except OSError:
        pass
    time.sleep(0.001)
sys.exit(f"after {limit} s {path} does not hold {value}")
"""
        done = self.vm.run("python3", "-c", script, act, "/proc/sys/" + key.replace(".", "/"), value, limit)
        return float(done)

    def saw(self, who):
        wait_for(f"what {who} saw", lambda: self.vm.read_file(f"/run/{who}-saw"), 90)
        return dict(line.split(" ", 1) for line in self.vm.run("cat", f"/run/{who}-saw").splitlines())

    def held(self):
        """key -> (boot id, original) of var/lib/bedplate/held."""
        text = self.vm.read_file("/var/lib/bedplate/held")
        lines = [line.split("\t") for line in text.splitlines()]
        self.assertEqual(lines[-1], ["end"])
        return {line[1].replace("/", "."): (line[2], line[3].replace("%09", "\t")) for line in lines if line[0] == "sysctl"}
