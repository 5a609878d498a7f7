#!/usr/bin/env python3
"""Holds the tree to the table of CONTRIBUTING.md: who may include whom, no cycles, and what the root programs link.

usage: dependencies.py [--build DIR]    DIR: also look at the programs built there
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

TUNING = ["tuning/host", "tuning/sysctl", "tuning/modules", "tuning/conntrack", "tuning/inotify", "tuning/links",
          "tuning/bench", "tuning/process", "tuning/profiles"]
WIRE = "agent/worker/wire.h"
SOURCE = [*TUNING, "agent/config", WIRE, "agent/source"]
TRUST = [*SOURCE, "agent/trust"]
CLUSTER = [*TRUST, "agent/cluster"]
PLAN = [*CLUSTER, "agent/plan"]
APPLY = [*PLAN, "agent/k3s", "agent/kube", "agent/apply"]
KUBE = ["tuning/host", "tuning/bench", "agent/config", WIRE, "agent/source", "agent/cluster/yaml.h", "agent/k3s",
        "agent/kube"]
REPORT = [*APPLY, "agent/report"]

# A folder, and the folders or single headers that its files may include besides its own.
MAY_INCLUDE = {
    "tuning/host": [],
    "tuning/sysctl": ["tuning/host"],
    "tuning/modules": ["tuning/host"],
    "tuning/conntrack": ["tuning/host"],
    "tuning/inotify": ["tuning/host"],
    "tuning/profiles": ["tuning/host"],
    "tuning/bench": ["tuning/host"],
    "tuning/process": ["tuning/host"],
    "tuning/links": ["tuning/host"],
    "agent/config": ["tuning/host"],
    "agent/worker": ["tuning/host", "agent/config"],
    "agent/source": SOURCE,
    "agent/trust": TRUST,
    "agent/cluster": CLUSTER,
    "agent/kube": KUBE,
    "agent/plan": PLAN,
    "agent/k3s": ["tuning/host", "agent/config", "agent/cluster/k3s_keys.h"],
    "agent/apply": APPLY,
    "agent/report": REPORT,
    "agent/daemon": [*REPORT, "agent/kube"],
    "agent/cli": REPORT,
}
# Root opens no mirror and no socket of a server: these libraries stay in the worker.
# And each worker loads what it needs: the other's library would be most of the cost of its start.
FORBIDDEN = {"bedplate": r"\blib(git2|curl)\b", "bedplated": r"\blib(git2|curl)\b",
             "bedplate-worker": r"\blibcurl\b", "bedplate-http": r"\blibgit2\b"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources():
    for top in ("agent", "tuning"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                yield path.relative_to(ROOT).as_posix()


def folder_of(name):
    return "/".join(name.split("/")[:2])


def includes_of(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        yield match.group(1), match.group(2), text.count("\n", 0, match.start(2)) + 1


def check_includes(problems):
    graph = {}
    for name in sources():
        folder = folder_of(name)
        if folder not in MAY_INCLUDE:
            problems.append(f"{name}: the folder {folder} is not in the table (CONTRIBUTING.md and {__file__})")
            continue
        graph[name] = []
        for bracket, target, line in includes_of(name):
            if bracket == "<":
                if target.startswith(("agent/", "tuning/")):
                    problems.append(f'{name}:{line}: own headers are included with quotes: "{target}"')
                continue
            if not (ROOT / target).is_file():
                problems.append(f'{name}:{line}: "{target}" is not a path from the top of the repository')
                continue
            graph[name].append(target)
            own = folder_of(target) == folder
            if not own and target not in MAY_INCLUDE[folder] and folder_of(target) not in MAY_INCLUDE[folder]:
                problems.append(f'{name}:{line}: {folder} may not include "{target}"')
    return graph


def check_cycles(graph, problems):
    done, trail = set(), []

    def visit(name):
        if name in trail:
            problems.append("cycle: " + " -> ".join([*trail[trail.index(name):], name]))
            return
        if name in done:
            return
        trail.append(name)
        for target in graph.get(name, []):
            visit(target)
        trail.pop()
        done.add(name)

    for name in graph:
        visit(name)


def check_programs(build, problems):
    looked = []
    for program, forbidden in FORBIDDEN.items():
        path = build / program
        if not path.exists():
            continue
        looked.append(program)
        # ldd starts the loader on our own binary: what it would map, also by way of other libraries.
        listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            if re.search(forbidden, line):
                problems.append(f"{program}: links {line.split()[0]}: that belongs to a worker")
    return looked


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path)
    arguments = parser.parse_args()
    problems = []
    graph = check_includes(problems)
    check_cycles(graph, problems)
    looked = check_programs(arguments.build, problems) if arguments.build else []
    for problem in problems:
        print(problem)
    print(f"dependencies: {len(graph)} files, {len(looked)} programs, {len(problems)} problems")
    return 1 if problems or not graph else 0


if __name__ == "__main__":
    sys.exit(main())
