"""Power cuts between two states: what a boot may find after them."""

import io

from story import DIRECTORY, LEFT, blanks, conf

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  of: {}\n"
# Two states between which the power is cut; the third key is in one of them alone.
CUTS = {
    "a": {"vm.swappiness": "11", "kernel.pid_max": "101000", "vm.dirty_background_ratio": "7"},
    "b": {"vm.swappiness": "22", "kernel.pid_max": "202000"},
}
# Goes on to the next commit and syncs, then starts on the one after that and returns when a part of the time is over.
CUTS_PROGRAM = """
import pathlib, subprocess, sys, time
def git(*args):
    return subprocess.run(["git", "-C", "/srv/infra.git", *args], check=True, capture_output=True, text=True).stdout
def start(commit):
    pathlib.Path("/srv/infra.git/refs/heads/main.lock").unlink(missing_ok=True)  # of the last power cut
    git("update-ref", "refs/heads/main", commit)
    return subprocess.Popen(["bedplate", "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
subprocess.run(["ln", "-sfn", "/srv/infra.git", "/run/infra.git"], check=True)
first, second = git("rev-list", "--reverse", "main..cuts").split()[:2]
begin = time.monotonic()
if start(first).wait() != 0:
    sys.exit("the first sync failed")
took = time.monotonic() - begin
start(second)
time.sleep(took * float(sys.argv[1]))
"""


class Cuts:
    """For a story: `self.kernel` is what the kernel sets by itself, `self.before` (boot id -> values) what the boot files
    have set in each boot."""

    def prepare_cuts(self):
        """A chain of commits that goes to and fro between two states. The remote is there only when the test says so: what
        a boot brings back is looked at before the next fetch."""
        stream = io.BytesIO()
        for number in range(200):
            name = "ab"[number % 2]
            files = {"sysctl.d/80-cuts.conf": conf(CUTS[name]), "k3s/config.yaml": f"# generation-{name}\n",
                     "manifests/app.yaml": MANIFEST.format(f"generation-{name}")}
            stream.write(f"commit refs/heads/cuts\ncommitter Ada <ada@nordic-corp.no> {1790000000 + number} +0000\n"
                         f"data {len(name)}\n{name}\n".encode())
            if number == 0:
                stream.write(b"from refs/heads/main^0\n")
            for file, text in files.items():
                stream.write(f"M 100644 inline {DIRECTORY}/{file}\ndata {len(text.encode())}\n{text}\n".encode())
        self.vm.run("git", "-C", "/srv/infra.git", "fast-import", "--quiet", data=stream.getvalue())
        self.vm.sh("cd /etc/bedplate/bedplate.conf.d; sed -i s,file:///srv,file:///run, 10-test.conf;"
                   " ln -s /srv/infra.git /run/infra.git; systemctl reload bedplated.service; sync")

    def state_now(self):
        values = blanks(self.vm.sysctls(*CUTS["a"]))
        return next((name for name in CUTS if all(values[k] == v for k, v in CUTS[name].items())), values)

    def check_after_cut(self):
        saw = self.saw("k3s")
        names = {name for name in CUTS if all(saw[k.replace(".", "/")] == v for k, v in CUTS[name].items())}
        marks = {value for file, value in saw.items() if file.startswith("/")}
        self.assertTrue(len(names) == 1 and marks == {f"generation-{n}" for n in names}
                        or not marks and not names, f"a mixture: {saw}")  # not yet taken over: neither
        self.assertEqual(self.vm.run("bedplate", "history").count("corrupt"), 0)
        self.assertEqual([e["MESSAGE"] for e in self.vm.journal() if e.get("BEDPLATE_REASON") == "StateRebuilt"], [])
        status = self.status_with("a generation in force", lambda s: s["generation"]["inForce"] > 0)
        self.assertIn(status["generation"]["state"], ("applied", "rolled-back"))
        # An original is what the key held in its boot before the agent came: the kernel's own, or, of a key that left Git
        # and came back in a later boot, what the boot files had set.
        self.before[self.vm.boot_id] = {k.replace("/", "."): v for k, v in blanks(self.saw("boot")).items()}
        for key, (boot, original) in self.held().items():
            if key in self.kernel and key not in LEFT:  # those were let go as they were, and taken so
                self.assertEqual(original, self.before[boot][key], key)
        # What is in force is in the boot files, and nothing else of the two.
        boot = self.vm.read_file("/etc/sysctl.d/99-zz-bedplate.conf")
        for name in names:
            for key, value in CUTS[name].items():
                self.assertRegex(boot, rf"(?m)^{key.replace('.', '/').replace('/', '[./]')} *= *{value}$")
            self.assertEqual("dirty_background_ratio" in boot, name == "a")
        left = self.vm.sh("find /etc /var/lib/rancher /var/lib/bedplate -name '.*.bedplate' -o -path '*stage/*'")
        self.assertEqual(left, "")
        return "".join(names) or "neither"
