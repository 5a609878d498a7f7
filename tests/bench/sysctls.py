#!/usr/bin/env python3
"""200 real keys below net., applied for the first time and when there is nothing to do: Bedplate beside systemd-sysctl
and `sysctl -p`, in one run, interleaved. docs/performance.md keeps the figures.

In a network namespace of its own, on the keys of ten bridges made there; nothing of the host changes. A process's CPU
is user + system with that of its children. What each one does differs: `bedplated --once` opens its state, asks a Git
remote (file://), verifies, plans, keeps originals and flushes them to disk before it writes; the other two read a file
and write. What compares with them is the library: the same reads and writes through sysctl::Tree, in one process.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402

BASE = os.environ.get("BEDPLATE_BENCH_DIR") or ("/dev/shm" if os.path.isdir("/dev/shm") else None)
DEVICES = 10
NAMES = (
    "accept_redirects accept_source_route arp_accept arp_announce arp_filter arp_ignore arp_notify bootp_relay "
    "disable_policy disable_xfrm drop_gratuitous_arp drop_unicast_in_l2_multicast ignore_routes_with_linkdown "
    "log_martians promote_secondaries proxy_arp route_localnet rp_filter secure_redirects send_redirects"
).split()
SYSTEMD_SYSCTL = "/lib/systemd/systemd-sysctl"


def path(key):
    return pathlib.Path("/proc/sys") / key.replace(".", "/")


def write(values):
    for key, value in values.items():
        path(key).write_text(value)


def differing(values):
    return [key for key, value in values.items() if path(key).read_text().strip() != value]


def run(argv, environment=None):
    """(wall ms, CPU ms) of a process that must succeed."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = (time.monotonic() - begin) * 1000
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            out.seek(0)
            raise SystemExit(f"{argv[0]} exited {process.returncode}:\n{out.read().decode()}")
    return wall, (usage.ru_utime + usage.ru_stime) * 1000


class Bedplate:
    """bedplated --once on a tree whose proc/sys is the real one."""

    def __init__(self, repository):
        self.tree = lib.Tree(BASE)
        self.tree.configure(repository)
        subprocess.run(["mount", "--bind", "/proc/sys", self.tree / "proc/sys"], check=True)
        self.argv = [str(lib.DAEMON), "--root", str(self.tree.path), "--once"]
        self.environment = lib.Agent(self.tree).environment()

    def once(self):
        return run(self.argv, self.environment)

    def remove(self):
        subprocess.run(["umount", self.tree / "proc/sys"], check=True)
        self.tree.remove()


def show(name, times):
    wall, cpu = (statistics.median(column) for column in zip(*times))
    print(f"  {name:<44} {wall:8.2f} {cpu:8.2f}")


def inside(rounds):
    lib.loopback_up()
    for i in range(DEVICES):
        subprocess.run(["ip", "link", "add", f"bench{i}", "type", "bridge"], check=True)
    keys = [f"net.ipv4.conf.bench{i}.{name}" for i in range(DEVICES) for name in NAMES]
    before = {key: path(key).read_text().strip() for key in keys}
    wanted = {key: "0" if value == "1" else "1" for key, value in before.items()}
    text = "".join(f"{key} = {value}\n" for key, value in wanted.items())
    work = pathlib.Path(tempfile.mkdtemp(prefix="bedplate-sysctls-", dir=BASE))
    file = work / "99-bench.conf"
    file.write_text(text)
    back = work / "back.conf"
    back.write_text("".join(f"{key} = {value}\n" for key, value in before.items()))
    repository = lib.Repository(BASE)
    repository.commit({"sysctl.d/99-bench.conf": text}, "bench")

    others = {"sysctl -p": ["sysctl", "-q", "-p", str(file)], "systemd-sysctl": [SYSTEMD_SYSCTL, str(file)]}
    first = {name: [] for name in [*others, "bedplated"]}
    again = {name: [] for name in first}

    def measure(name, act):
        write(before)
        for times in (first, again):
            times[name].append(act())
            wrong = differing(wanted)
            if wrong:
                raise SystemExit(f"{name} left {len(wrong)} keys as they were: {wrong[:3]}")

    for _ in range(rounds):
        for name, argv in others.items():
            measure(name, lambda argv=argv: run(argv))
        bedplate = Bedplate(repository)
        measure("bedplated", bedplate.once)
        bedplate.remove()

    print(f"{len(keys)} sysctls of a network namespace, median of {rounds}        wall ms   CPU ms")
    for name in others:
        show(f"{name}: first apply", first[name])
        show(f"{name}: nothing to do", again[name])
    show("bedplated --once, whole process: first apply", first["bedplated"])
    show("bedplated --once: nothing to do", again["bedplated"])
    sys.stdout.flush()
    write(before)
    library = lib.BUILD / "tests/library_sysctl"
    if library.exists():
        subprocess.run([library, file, back], check=True)
    else:
        print("library_sysctl: SKIPPED, not built (cmake -DBEDPLATE_BENCH=ON)")
    repository.remove()
    shutil.rmtree(work)


def main():
    rounds = int(os.environ.get("BEDPLATE_BENCH_ROUNDS", "50"))
    if "--inside" in sys.argv:
        inside(rounds)
        return
    missing = [name for name in ("ip", "sysctl", SYSTEMD_SYSCTL) if shutil.which(name) is None]
    if missing:
        print(f"200 sysctls: SKIPPED: not installed: {' '.join(missing)}")
        return
    probe = subprocess.run(["unshare", "--net", "--mount", "ip", "link", "add", "bench0", "type", "bridge"],
                           capture_output=True, text=True)
    if probe.returncode != 0:
        print(f"200 sysctls: SKIPPED: no network namespace with a bridge in it: {probe.stderr.strip()}")
        return
    done = subprocess.run(["unshare", "--net", "--mount", sys.executable, __file__, "--inside"])
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
