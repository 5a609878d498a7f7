#!/usr/bin/env python3
"""`bedplate bench disk` beside fio: five interleaved pairs of 10,000 writes in a closed loop on one file system, medians
compared; and what the daemon's round costs. Part of `./dev bench`; docs/performance.md keeps the figures.

fio alone differs from run to run by more than the two differ, and its p99 by up to nine times (docs/bench.md): compare
medians. BEDPLATE_BENCH_DISK names a directory on the disk; BEDPLATE_BENCH_PAIRS how many pairs.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ.get("BEDPLATE_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
PAIRS = int(os.environ.get("BEDPLATE_BENCH_PAIRS", "5"))
COLUMNS = ("p50 us", "p99 us", "p99.9 us", "ops", "CPU s", "RSS MB", "PSS MB")


def pss_kib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def run(command):
    """stdout, CPU seconds, greatest RSS and PSS in MB, bytes written to disk of a command with its children."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pids, most, written = [process.pid], [0], [0]

    def watch():
        while process.returncode is None:
            try:
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            except OSError:
                children = []
            most[0] = max(most[0], sum(pss_kib(pid) for pid in [*pids, *children]))
            try:
                for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines():
                    if line.startswith("write_bytes:"):
                        written[0] = int(line.split()[1])
            except OSError:
                pass
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    return out, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, most[0] / 1024, written[0]


def ours(directory):
    out, cpu, rss, pss, _ = run([BUILD / "bedplate", "--root", directory, "-o", "json", "bench", "disk", "--path", "/", "--for",
                                 "1s", "--rate", "10", "--force"])
    loop = json.loads(out)["disk"]["closedLoop"]
    return [loop["p50Ns"] / 1e3, loop["p99Ns"] / 1e3, loop["p999Ns"] / 1e3, loop["operations"], cpu, rss, pss]


def fio(directory):
    out, cpu, rss, pss, _ = run(["fio", "--name=etcd", "--rw=write", "--ioengine=sync", "--fdatasync=1", "--size=22m",
                                 "--bs=2300", f"--directory={directory}", "--output-format=json", "--unlink=1"])
    text = out.decode()
    sync = json.loads(text[text.index("{"):])["jobs"][0]["sync"]["lat_ns"]
    found = sync["percentile"]
    return [found["50.000000"] / 1e3, found["99.000000"] / 1e3, found["99.900000"] / 1e3, sync["N"], cpu, rss, pss]


def show(name, row):
    cells = " ".join(f"{value:>9.2f}" if value < 10 else f"{value:>9.0f}" for value in row)
    print(f"  {name:<16} {cells}", flush=True)


def main():
    if shutil.which("fio") is None:
        print("disk.py: SKIPPED: needs fio")
        return
    directory = tempfile.mkdtemp(prefix="bedplate-disk-", dir=os.environ.get("BEDPLATE_BENCH_DISK"))
    try:
        print(f"bedplate bench disk beside fio, 10,000 writes in a closed loop, {PAIRS} interleaved pairs, load "
              f"{os.getloadavg()[0]:.1f}")
        print("  " + " " * 17 + " ".join(f"{name:>9}" for name in COLUMNS))
        rows = {"fio": [], "bedplate": []}
        for _ in range(PAIRS):
            for name, measure in (("fio", fio), ("bedplate", ours)):
                rows[name].append(measure(directory))
                show(name, rows[name][-1])
        for name, all_rows in rows.items():
            show(f"{name}, median", [statistics.median(column) for column in zip(*all_rows)])
        print("one round of the daemon: 10 writes a second for 20 s")
        out, cpu, rss, _, written = run([BUILD / "bedplate", "--root", directory, "-o", "json", "bench", "disk", "--path", "/",
                                         "--for", "20s", "--rate", "10", "--paced"])
        operations = json.loads(out)["disk"]["operations"]
        print(f"  {operations} writes, CPU {cpu * 1000:.0f} ms with the start of the program, {written / 1e6:.2f} MB written, "
              f"RSS {rss:.1f} MB")
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
