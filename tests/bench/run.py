#!/usr/bin/env python3
"""What Bedplate costs: `./dev bench` runs this and prints a table; docs/performance.md keeps the figures.

CPU is user + system time of the daemon and of the workers it has waited for, read before and after a number of
rounds. The remote is file:// on the same machine, the tree lies on tmpfs where there is one (BEDPLATE_BENCH_DIR), and
sysctls are plain files in it, so that nothing of the host changes. Times of a shared machine are noisy: medians.
"""

import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import git_ssh  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
BASE = os.environ.get("BEDPLATE_BENCH_DIR") or ("/dev/shm" if os.path.isdir("/dev/shm") else None)


def manifest(i, value="a"):
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-{i:04}\n  namespace: default\ndata:\n"
    return text + "".join(f"  key-{n:02}: \"{value} of manifest {i} line {n}\"\n" for n in range(45))


def desired(sysctls, manifests):
    lines = "".join(f"net.ipv4.bench.key_{i:03} = {i}\n" for i in range(sysctls))
    files = {"sysctl.d/99-bench.conf": lines}
    files.update({f"manifests/app-{i:04}.yaml": manifest(i) for i in range(manifests)})
    return files


def node(sysctls, manifests, server=None):
    tree = lib.Tree(BASE)
    repository = lib.Repository(BASE)
    for i in range(sysctls):
        tree.sysctl(f"net.ipv4.bench.key_{i:03}", "0")
    repository.commit(desired(sysctls, manifests), "bench")
    if server:
        repository.url = server.url(repository)
    tree.configure(repository)
    if server:
        tree.write("etc/bedplate/bedplate.conf.d/ssh.conf",
                   "[repository]\nssh-key = /etc/bedplate/deploy\nknown-hosts = /etc/bedplate/known_hosts\n")
        tree.write("etc/bedplate/deploy", server.key.read_text(), 0o600)
        tree.write("etc/bedplate/known_hosts", server.known_hosts.read_text())
    bus = lib.Bus(BASE)
    return lib.Agent(tree, bus), repository


def own_ms(pid):
    """What the threads of a process have run, in milliseconds; exact, where /proc/PID/stat counts ticks of 10 ms."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def cpu_ms(pid):
    """User + system of a process and of the children it has waited for, in milliseconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return own_ms(pid) + sum(int(f) for f in fields[13:15]) * 1000 / TICKS


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def written_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def sync(agent):
    """A sync request over the bus without the cost of starting the CLI in the figure."""
    done = agent.cli("sync")
    if done.returncode != 0:
        raise SystemExit(f"bedplate sync exited {done.returncode}:\n{done.stdout}{done.stderr}{agent.log.read_text()}")


def clean(agent, repository):
    agent.stop()
    agent.bus.stop()
    agent.tree.remove()
    repository.remove()


def settle(agent):
    """A file that changed a moment ago is read again at each look (it may change within one tick of its clock), and
    what a watch vouches for counts from the first poll on."""
    time.sleep(8)
    sync(agent)


def reconcile(sysctls, manifests, rounds, server=None):
    agent, repository = node(sysctls, manifests, server)
    row = {}
    start = time.monotonic()
    agent.start()
    pid = agent.process.pid
    sync(agent)
    row["first apply, start to done, ms CPU"] = cpu_ms(pid)
    row["  of it the daemon"] = own_ms(pid)
    row["first apply, wall ms"] = (time.monotonic() - start) * 1000
    settle(agent)

    before, own = cpu_ms(pid), own_ms(pid)
    for _ in range(rounds):
        sync(agent)
    row["nothing to do, ms CPU"] = (cpu_ms(pid) - before) / rounds
    row["  of it the daemon "] = (own_ms(pid) - own) / rounds

    if manifests:
        changes = max(5, rounds // 5)
        walls = []
        before, own = cpu_ms(pid), own_ms(pid)
        for i in range(changes):
            repository.commit({"manifests/app-0000.yaml": manifest(0, f"change {i}")}, f"change {i}", push=False)
            begin = time.monotonic()
            repository.run("push", "-q", "origin", "HEAD:main")
            sync(agent)
            walls.append((time.monotonic() - begin) * 1000)
        row["one manifest changed, ms CPU"] = (cpu_ms(pid) - before) / changes
        row["  of it the daemon  "] = (own_ms(pid) - own) / changes
        row["push and sync to applied, wall ms"] = statistics.median(walls)
    clean(agent, repository)
    return row


def children_ms():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def over_ssh(rounds):
    """The client's side alone: what the server costs is not the node's."""
    if not os.path.exists(git_ssh.SSHD):
        return None
    server = git_ssh.SshServer(BASE)
    agent, repository = node(20, 50, server)
    agent.start()
    pid = agent.process.pid
    sync(agent)
    settle(agent)
    mine, own, git, walls, git_walls = 0.0, 0.0, 0.0, [], []
    environment = dict(os.environ, GIT_SSH_COMMAND=server.command(), GIT_CONFIG_GLOBAL="/dev/null",
                       GIT_CONFIG_SYSTEM="/dev/null")
    for _ in range(rounds):  # in turn, so that both have the same neighbours
        before, before_own, begin = cpu_ms(pid), own_ms(pid), time.monotonic()
        sync(agent)
        walls.append((time.monotonic() - begin) * 1000)
        mine += cpu_ms(pid) - before
        own += own_ms(pid) - before_own
        before, begin = children_ms(), time.monotonic()
        subprocess.run(["git", "ls-remote", repository.url, "main"], env=environment, check=True, capture_output=True)
        git_walls.append((time.monotonic() - begin) * 1000)
        git += children_ms() - before
    clean(agent, repository)
    server.stop()
    return {
        "nothing to do, ms CPU": mine / rounds,
        "  of it the daemon": own / rounds,
        "nothing to do, median wall ms with the CLI": statistics.median(walls),
        "git ls-remote, ms CPU": git / rounds,
        "git ls-remote, median wall ms": statistics.median(git_walls),
    }


def idle(seconds):
    agent, repository = node(200, 50)
    agent.start()
    pid = agent.process.pid
    sync(agent)
    time.sleep(2)
    cpu, written = cpu_ms(pid), written_bytes(pid)
    time.sleep(seconds)
    row = {
        "PSS, MB": pss_kib(pid) / 1024,
        "idle CPU, % of a core": (cpu_ms(pid) - cpu) / (seconds * 10),
        f"bytes written to disk in {seconds} s": written_bytes(pid) - written,
    }
    clean(agent, repository)
    return row


# What is rewritten more than 5 times in 10 minutes is left alone (docs/daemon.md): each daemon sees few of one file.
REPAIRS = 5


def repairs(count):
    """Wall milliseconds from the end of a write to a manifest until it is as it was, `count` times."""
    agent, repository = node(20, 50)
    agent.start()
    time.sleep(1)  # it is on the bus a moment after it is ready
    sync(agent)
    top = agent.tree / "var/lib/rancher/k3s/server/manifests/bedplate"
    file = next(top.glob("app-0000*"))
    wanted = file.read_text()
    times = []
    for _ in range(count):
        file.write_text("# edited by hand\n")
        begin = time.monotonic()
        while file.exists() is False or file.read_text() != wanted:
            if time.monotonic() - begin > 10:
                raise SystemExit("a drifted manifest was not put back")
            time.sleep(0.0005)
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(0.1)
    clean(agent, repository)
    return times


def drift(rounds):
    times = []
    while len(times) < rounds:
        times += repairs(min(REPAIRS, rounds - len(times)))
    times.sort()
    return {
        "manifest drift to repair, median ms": statistics.median(times),
        "manifest drift to repair, p99 ms": times[min(len(times) - 1, int(len(times) * 0.99))],
    }


# Real keys, 200 of them, in a network namespace of its own; the daemon sees the machine's own procfs there.
BRIDGES = 10
NAMES = ["arp_ignore", "arp_announce", "arp_accept", "arp_filter", "log_martians", "accept_redirects", "secure_redirects",
         "send_redirects", "shared_media", "rp_filter", "proxy_arp", "proxy_arp_pvlan", "accept_local", "route_localnet",
         "drop_gratuitous_arp", "disable_policy", "disable_xfrm", "promote_secondaries", "src_valid_mark",
         "ignore_routes_with_linkdown"]
KEYS = [f"net/ipv4/conf/b{bridge}/{name}" for bridge in range(BRIDGES) for name in NAMES]
INSIDE = ["unshare", "--net", "--mount", "sh", "-c",
          'mount --rbind /proc "$1/proc" && mount --rbind /sys "$1/sys" && shift && '
          f'for i in $(seq 0 {BRIDGES - 1}); do ip link add "b$i" type bridge || exit 1; done && exec "$@"', "sh"]


def real_node():
    tree = lib.Tree(BASE)
    for name in ("proc", "sys"):
        shutil.rmtree(tree / name)
        (tree / name).mkdir()
    repository = lib.Repository(BASE)
    lines = "".join(f"{key.replace('/', '.')} = 1\n" for key in KEYS)
    files = {"sysctl.d/99-bench.conf": lines}
    files.update({f"manifests/app-{i:04}.yaml": manifest(i) for i in range(50)})
    repository.commit(files, "bench")
    tree.configure(repository)
    agent = lib.Agent(tree, None, prefix=[*INSIDE, str(tree.path)])
    agent.start()
    lib.wait_for("the first generation", lambda: agent.status().get("generation", {}).get("state") == "applied", 60)
    return agent, repository, agent.process.pid


def drifts_inside(count, folder, pause):
    """Runs in the namespace: sets keys to 0 through `folder`, and prints how many ms each was wrong."""
    for i in range(int(count)):
        key = KEYS[i % len(KEYS)]
        reader = os.open(f"/proc/sys/{key}", os.O_RDONLY)
        writer = os.open(f"{folder}/{key}", os.O_WRONLY)
        os.write(writer, b"0\n")
        begin = time.monotonic()
        while os.pread(reader, 16, 0) == b"0\n":
            if time.monotonic() - begin > 30:
                raise SystemExit(f"{key} was not put back")
            time.sleep(0.0002)
        print((time.monotonic() - begin) * 1000, flush=True)
        os.close(reader)
        os.close(writer)
        time.sleep(float(pause))


def in_namespace(pid, *arguments):
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return sorted(float(line) for line in done.stdout.split())


def named(agent, pid, count):
    """How many of so many writes by `sysctl -w`, which is gone in a millisecond, have their writer in the history."""
    for key in KEYS[-count:]:
        in_namespace(pid, "sysctl", "-q", "-w", f"{key.replace('/', '.')}=0")
        time.sleep(0.05)
    time.sleep(1)
    drift = json.loads(agent.cli("history", "-o", "json", check=True).stdout)["drift"][:count]
    wrong = {event["writer"] for event in drift if not re.match(r"pid \d+ sysctl\b|unknown$", event["writer"])}
    if wrong:
        raise SystemExit(f"the wrong writer is named: {wrong}")
    return sum(event["writer"] != "unknown" for event in drift) / len(drift) * 100


def at(times, share):
    return times[min(len(times) - 1, int(len(times) * share))]


def keys(rounds, seconds):
    if os.geteuid() != 0:
        return None
    agent, repository, pid = real_node()
    time.sleep(3)
    me = [sys.executable, str(pathlib.Path(__file__).resolve()), "--drifts"]
    cpu = own_ms(pid)
    time.sleep(seconds)
    row = {"idle CPU, 200 keys and 50 files, % of a core": (own_ms(pid) - cpu) / (seconds * 10)}
    times = in_namespace(pid, *me, str(rounds), "/proc/sys", "0.1")
    row["key drift to repair by event, median ms"] = statistics.median(times)
    row["key drift to repair by event, p99 ms"] = at(times, 0.99)
    row["writers that were `sysctl -w` and are named, %"] = named(agent, pid, 50)
    other = agent.tree / "elsewhere"
    other.mkdir()
    times = in_namespace(pid, "unshare", "--mount", "sh", "-c", 'mount -t proc proc "$1" && shift && exec "$@"', "sh",
                         str(other), *me, str(max(10, rounds // 20)), f"{other}/sys", "0.5")
    row["key drift to repair by poll, median ms"] = statistics.median(times)
    row["key drift to repair by poll, slowest ms"] = times[-1]
    agent.stop()
    agent.tree.remove()
    repository.remove()
    return row


def show(title, row):
    print(title)
    for name, value in row.items():
        print(f"  {name:<40} {value:10.2f}")
    sys.stdout.flush()


def main():
    rounds = int(os.environ.get("BEDPLATE_BENCH_ROUNDS", "50"))
    show("20 sysctls, 50 manifests, file://", reconcile(20, 50, rounds))
    show("100 sysctls, 1,000 manifests, file://", reconcile(100, 1000, rounds))
    row = over_ssh(rounds)
    if row is None:
        print(f"over SSH: SKIPPED: no {git_ssh.SSHD} (openssh-server)")
    else:
        show("20 sysctls, 50 manifests, ssh://", row)
    show("idle with 200 sysctls and 50 manifests", idle(int(os.environ.get("BEDPLATE_BENCH_IDLE", "60"))))
    row = keys(rounds * 4, int(os.environ.get("BEDPLATE_BENCH_IDLE", "60")))
    if row is None:
        print("real keys: SKIPPED: needs root, for a network namespace")
    else:
        show("real keys of a network namespace", row)
    show("drift", drift(rounds * 4))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--drifts"]:
        drifts_inside(*sys.argv[2:])
    else:
        main()
