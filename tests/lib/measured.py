"""A node with a past: measurements, commits and drift in the state database of a tree, as days of a running agent leave
them. The same seed gives the same past.
"""

import json
import math
import random
import sqlite3

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LIMIT_NS = 10_000_000


def fio_index(ns):
    """Bucket of fio's histogram (29 groups of 64), as tuning/bench counts."""
    if ns < 128:
        return ns
    dropped = ns.bit_length() - 7
    return min(((dropped + 1) << 6) + ((ns >> dropped) & 63), 29 * 64 - 1)


def rank(values, share):
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def latencies(random_, hour, count, noisy):
    """Nanoseconds: a body around 0.4 ms, a tail, and in the evening a neighbour."""
    evening = noisy and 18 <= hour < 23
    out = []
    for _ in range(count):
        ns = random_.lognormvariate(math.log(420_000), 0.35)
        if random_.random() < (0.12 if evening else 0.005):
            ns *= random_.lognormvariate(math.log(20), 0.8)
        if evening and random_.random() < 0.0006:
            ns = random_.uniform(500e6, 900e6)
        out.append(int(ns))
    return out


def disk_sample(us, values, day):
    """`day`: the values of the last day, which the verdict is of."""
    buckets = {}
    for value in values:
        buckets[fio_index(value)] = buckets.get(fio_index(value), 0) + 1
    p99 = rank(values, 0.99)
    return {
        "probe": "disk", "measuredUs": us, "verdict": "unfit" if rank(day, 0.99) > LIMIT_NS else "fit",
        "reason": f"p99 {rank(day, 0.99) / 1e6:.1f} ms over {len(day)} writes of a day, limit 10 ms",
        "operations": len(values),
        "p50Ns": rank(values, 0.5), "p90Ns": rank(values, 0.9), "p99Ns": p99, "p999Ns": rank(values, 0.999),
        "maxNs": max(values), "responseP99Ns": p99, "responseMaxNs": max(values), "durationNs": 20_000_000_000,
        "stalls": sum(v > 500_000_000 for v in values), "stopped": False, "buckets": sorted(buckets.items()),
    }


def etcd_sample(us, values):
    bounds = [1_000_000 << i for i in range(14)]
    counts = [0] * 15
    for value in values:
        counts[next((i for i, bound in enumerate(bounds) if value <= bound), 14)] += 1
    p99 = rank(values, 0.99)
    wal = {
        "count": len(values), "meanNs": sum(values) // len(values), "p50Ns": None,
        "p99Ns": p99 if p99 > bounds[0] else None, "firstBucketNs": bounds[0],
        "buckets": [[bound, n] for bound, n in zip([*bounds, None], counts) if n],
    }
    return {"probe": "etcd", "measuredUs": us, "windowNs": 1_800_000_000_000,
            "verdict": "unfit" if p99 > LIMIT_NS else "fit",
            "reason": f"p99 {p99 / 1e6:.1f} ms over {len(values)} fsyncs of etcd, limit 10 ms",
            "walFsync": wal, "backendCommit": wal}


def steal_sample(us, visible, hidden):
    return {
        "probe": "steal", "measuredUs": us, "verdict": "unfit" if visible > 0.05 else "fit",
        "reason": f"{visible * 100:.1f} % of CPU time stolen over 5 min, limit 5.0 %", "ratio": visible,
        "perCpu": [visible, visible], "windowNs": 300_000_000_000, "windows": {"5s": None, "1m": visible, "5m": visible},
        "hidden": {"ratio": hidden, "maxGapNs": 4_000_000, "sampledNs": 1_000_000_000},
        "pressure": {"cpu": 0.08, "io": 0.03, "memory": None},
    }


def reconcile_sample(us, source, seconds):
    """Durations of a half hour, in the buckets of Argo CD."""
    bounds = [250_000_000 << i for i in range(7)]
    counts = [0] * 8
    for value in seconds:
        counts[next((i for i, bound in enumerate(bounds) if value * 1e9 <= bound), 7)] += 1
    return {
        "probe": "gitops", "measuredUs": us, "source": source, "windowNs": 1_800_000_000_000, "count": len(seconds),
        "meanNs": int(sum(seconds) / len(seconds) * 1e9), "p50Ns": int(rank(seconds, 0.5) * 1e9), "p99Ns": None,
        "enough": False, "firstBucketNs": bounds[0],
        "buckets": [[bound, n] for bound, n in zip([*bounds, None], counts) if n],
    }


def seed(database, now_us, days=7, noisy=True, etcd=False, gitops=None, random_seed=4, subject="raise conntrack"):
    """Fills state.db of an agent that has run once. Gives the disk's numbers, to hold against what is shown."""
    random_ = random.Random(random_seed)
    all_values, over, runs = [], 0, 0
    connection = sqlite3.connect(database)
    with connection:
        add = "INSERT INTO samples VALUES(NULL,?,?,?)"
        us = now_us - days * DAY + 5 * MINUTE
        while us < now_us:
            hour = us // HOUR % 24
            values = latencies(random_, hour, 200, noisy)
            all_values += values
            runs += 1
            over += rank(values, 0.99) > LIMIT_NS
            connection.execute(add, (us, "disk", json.dumps(disk_sample(us, values, all_values[-48 * 200:]))))
            if etcd:
                connection.execute(add, (us, "etcd", json.dumps(etcd_sample(us, latencies(random_, hour, 900, noisy)))))
            evening = noisy and 18 <= hour < 23
            visible = abs(random_.gauss(0.06 if evening else 0.006, 0.012 if evening else 0.002))
            hidden = abs(random_.gauss(0.03 if evening else 0.004, 0.008 if evening else 0.001))
            connection.execute(add, (us, "steal", json.dumps(steal_sample(us, round(visible, 4), round(hidden, 4)))))
            if gitops:  # as long as the flushes make them, and some noise
                slow = 1 + rank(values, 0.99) / 2e6
                seconds = [random_.lognormvariate(math.log(0.3 * slow), 0.5) for _ in range(60)]
                connection.execute(add, (us + MINUTE, "gitops", json.dumps(reconcile_sample(us + MINUTE, gitops, seconds))))
            us += 30 * MINUTE
        number = connection.execute("SELECT coalesce(max(number), 0) FROM generations").fetchone()[0]
        for i in range(days * 3):
            seen = now_us - days * DAY + int((i + random_.random()) * days * DAY / (days * 3))
            latency = int(random_.lognormvariate(math.log(1.4), 0.6) * 1e6)
            commit = f"{random_.getrandbits(160):040x}"
            number += 1
            connection.execute(
                "INSERT INTO generations VALUES(?,?,?,?,?,'commit','applied','',?,?,'boot',1)",
                (number, commit, f"{subject} {i}", "7" * 40, f"digest-{i}", seen + latency - 200_000, seen + latency))
            connection.execute(
                "INSERT INTO commits VALUES(NULL,?,?,?,?,?,?,?,0,?)",
                (commit, f"{subject} {i}", number, seen, seen + latency // 2, seen + latency, seen + latency,
                 "Suspended" if i % 10 == 9 else ""))
        for _ in range(days * 4):
            when = now_us - int(random_.random() ** 2 * days * DAY)
            connection.execute(
                "INSERT INTO drift VALUES(NULL,?,'sysctl','net/ipv4/ip_forward','0','1',?,?)",
                (when, "pid 4211 sysctl (ssh.service)", int(random_.random() < 0.9)))
    connection.close()
    return {"values": sorted(all_values), "p99": rank(all_values, 0.99), "runs": runs, "over": over}
