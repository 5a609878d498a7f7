#!/usr/bin/env python3
"""The metrics of a real daemon under promtool, the sync latency of real commits, and the page of `bedplate report` from
a past that was made up, looked at as a parser of XML sees it."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
try:
    import jsonschema
except ImportError:
    jsonschema = None

import agent as lib  # noqa: E402
import daemon_case  # noqa: E402
import measured  # noqa: E402

METRICS = "var/lib/prometheus/node-exporter/bedplate.prom"
STATE = "var/lib/bedplate/state.db"
XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def milliseconds(words):
    value, unit = words.split()
    return float(value) * {"µs": 1e-3, "ms": 1, "s": 1e3}[unit]


def check_schema(history):
    if jsonschema:  # else said by test_bench.py
        schema = json.loads((lib.SOURCE / "docs/bench.schema.json").read_text())
        jsonschema.validate(history, {"$ref": "#/$defs/history", "$defs": schema["$defs"]}, jsonschema.Draft202012Validator)


class Metrics(daemon_case.DaemonCase):
    needs_bus = False

    def begin(self, **options):
        self.start(extra=f"[report]\nmetrics-file = /{METRICS}\n", **options)
        self.wait_applied()
        lib.wait_for("the metrics", lambda: "bedplate_generation 1\n" in self.metrics())

    def metrics(self):
        try:
            return self.tree.read(METRICS)
        except FileNotFoundError:
            return ""

    def value(self, series):
        found = re.findall("^" + re.escape(series) + r" (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[0]) if found else None

    def test_promtool_takes_what_the_daemon_writes(self):
        if not shutil.which("promtool"):
            self.skipTest("SKIPPED: no promtool here (package prometheus)")
        self.begin()
        done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics(), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_a_commit_is_followed_until_it_is_confirmed(self):
        self.begin(interval="1s")
        history = json.loads(self.agent.cli("history", "-o", "json", check=True).stdout)
        first = history["commits"][0]
        self.assertEqual(first["generation"], 1)
        self.assertEqual(first["waited"], "")
        steps = first["seconds"]
        self.assertTrue(0 <= steps["fetched"] <= steps["applied"] <= steps["confirmed"] < 60, steps)
        self.assertIsNone(steps["accepted"])
        self.assertEqual(self.value("bedplate_sync_latency_seconds_count"), 1)
        self.assertAlmostEqual(self.value("bedplate_sync_latency_seconds_sum"), steps["confirmed"], 2)

        # Looking again and again writes nothing.
        before = (self.tree / STATE).stat().st_mtime_ns
        looked = self.value("bedplate_reconcile_duration_seconds_count")
        lib.wait_for("more looks", lambda: self.value("bedplate_reconcile_duration_seconds_count") >= looked + 3)
        self.assertEqual((self.tree / STATE).stat().st_mtime_ns, before)

        self.repository.commit({"sysctl.d/99-k8s.conf": "net.ipv4.ip_forward = 1\nvm.max_map_count = 300000\n"}, "more")
        lib.wait_for("the second latency", lambda: self.value("bedplate_sync_latency_seconds_count") == 2)
        shown = json.loads(self.agent.cli("show", "2", "-o", "json", check=True).stdout)["sync"]
        self.assertEqual(shown["subject"], "more")
        status = json.loads(self.tree.read("run/bedplate/status.json"))["syncLatency"]
        self.assertEqual(status["summary"]["commits"], 2)
        self.assertEqual(status["last"]["generation"], 2)
        self.assertIn("latency", self.agent.cli("status").stdout)

        # One that changes nothing on this node, and one that is refused: seen, and not counted.
        self.repository.commit({"nodes/other/sysctl.d/a.conf": "vm.swappiness = 1\n"}, "for another")
        bad = self.repository.commit({"sysctl.d/bad.conf": "kernel.modprobe = /tmp/x\n"}, "bad")

        def marked():
            commits = json.loads(self.agent.cli("history", "-o", "json", check=True).stdout)["commits"]
            return commits[0]["commit"] == bad and commits[0]["waited"] == "InvalidClusterDirectory"

        lib.wait_for("the mark on the refused one", marked)
        self.assertEqual(self.value("bedplate_sync_latency_seconds_count"), 2)

    def test_observing_is_no_latency(self):
        self.start(mode="observe", extra=f"[report]\nmetrics-file = /{METRICS}\n")
        lib.wait_for("a look", lambda: self.value("bedplate_pending_changes"))
        commit = json.loads(self.agent.cli("history", "-o", "json", check=True).stdout)["commits"][0]
        self.assertEqual(commit["waited"], "Observing")
        self.assertEqual(self.value("bedplate_sync_latency_seconds_count"), 0)


class Page(unittest.TestCase):
    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.repository = lib.Repository()
        self.addCleanup(self.repository.remove)
        for key, value in daemon_case.SYSCTLS.items():
            self.tree.sysctl(key, value)
        self.repository.commit(daemon_case.GOOD, "good")
        self.tree.configure(self.repository)
        self.agent = lib.Agent(self.tree)
        done = self.agent.once()
        self.assertEqual(done.returncode, 0, done.stderr)

    def seed(self, **options):
        return measured.seed(self.tree / STATE, int(time.time() * 1e6), **options)

    def page(self, *options):
        text = self.agent.cli("report", *options, check=True).stdout
        return text, ElementTree.fromstring(text)

    def rows(self, root):
        return {
            row.find(f"{XHTML}th").text: [cell.text for cell in row.findall(f"{XHTML}td")]
            for row in root.iter(f"{XHTML}tr") if row.find(f"{XHTML}th") is not None and row.find(f"{XHTML}td") is not None
        }

    def test_shows_the_numbers_it_was_given(self):
        numbers = self.seed(etcd=True, gitops="argocd")
        text, root = self.page()
        self.assertLess(len(text), 200_000)
        rows = self.rows(root)
        self.assertEqual(rows["probe: flushes"], [str(len(numbers["values"])), f"{numbers['runs']} runs"])
        self.assertEqual(rows["probe: over the limit"][0], f"{numbers['over']} of {numbers['runs']}")
        shown, unit = rows["probe: p99"][0].split()
        self.assertEqual(unit, "ms")
        # Shown with a digit below 10, as a whole number above; known to a bucket of 1/64.
        rounding = 0.05 if numbers["p99"] < measured.LIMIT_NS else 0.5
        self.assertAlmostEqual(float(shown), numbers["p99"] / 1e6, delta=rounding + numbers["p99"] / 1e6 / 64)
        # Known to a bucket of 1/64.
        least, most = (sum(v > measured.LIMIT_NS * share for v in numbers["values"]) for share in (65 / 64, 63 / 64))
        self.assertTrue(least <= int(rows["probe: slow flushes"][0]) <= most, rows["probe: slow flushes"])
        titles = ["".join(figure.itertext()) for figure in root.iter(f"{XHTML}figcaption")]
        for begin in ("Flushes by the probe", "Flushes by etcd", "Flush p99", "CPU steal", "Reconciles", "Sync latency", "Drift"):
            self.assertTrue(any(title.startswith(begin) for title in titles), (begin, titles))
        self.assertEqual(len(list(root.iter(f"{SVG}svg"))), 7)
        # Slow reconciles go with slow flushes, as they were made to.
        slowest, others = rows["Argo CD: slowest"], rows["Argo CD: others"]
        self.assertEqual(int(slowest[0]) + int(others[0]), numbers["runs"])
        self.assertGreater(milliseconds(slowest[2]), 2 * milliseconds(others[2]))

    def test_needs_nothing_from_outside(self):
        self.seed(subject="</td><img src=https://example.com/x> & \"more\"")
        _, root = self.page()
        allowed = {"html", "head", "meta", "title", "style", "body", "header", "section", "div", "span", "h1", "h2", "p",
                   "b", "i", "br", "figure", "figcaption", "table", "tr", "th", "td", "svg", "line", "rect", "circle", "path", "text"}
        for element in root.iter():
            self.assertIn(element.tag.split("}")[1], allowed)
            for name, value in element.attrib.items():
                self.assertNotIn(name, ("src", "href", "srcset", "data", "action", "{http://www.w3.org/1999/xlink}href"))
                self.assertFalse(name.startswith("on"), name)
                self.assertNotIn("url(", value)
        style = root.find(f"{XHTML}head/{XHTML}style").text
        for word in ("url(", "@import", "http"):
            self.assertNotIn(word, style)
        self.assertIn("prefers-color-scheme:dark", style)

    def test_host_only_names_no_repository(self):
        self.seed(subject="secret plans", gitops="flux")
        text, root = self.page("--host-only")
        for word in ("secret plans", "Flux", "oslo-prod", "infra.git", "ip_forward", "ssh.service"):
            self.assertNotIn(word, text)
        self.assertIn("probe: p99", self.rows(root))

    def test_a_day_and_nothing_at_all(self):
        text, _ = self.page()
        self.assertIn("Nothing was measured", text)
        self.seed(days=7)
        _, root = self.page("--for", "24h")
        self.assertEqual(self.rows(root)["probe: flushes"][1], "48 runs")
        self.assertEqual(self.agent.cli("report", "--for", "soon").returncode, 64)

    def test_history_as_text_and_as_json(self):
        numbers = self.seed(gitops="flux")
        done = self.agent.cli("bench", "history", "--for", "7d", "-o", "json", check=True)
        history = json.loads(done.stdout)
        self.assertEqual(history["summary"]["probe"]["flushes"], len(numbers["values"]))
        self.assertEqual(history["summary"]["probe"]["resultsOverLimit"], numbers["over"])
        self.assertAlmostEqual(history["summary"]["probe"]["p99"], numbers["p99"] / 1e9, delta=numbers["p99"] / 1e9 / 64)
        self.assertEqual(len(history["fsync"]), numbers["runs"])
        self.assertEqual(len(history["commits"]), 21 + 1)
        self.assertEqual(history["summary"]["flux"]["reconciles"], numbers["runs"] * 60)
        self.assertIsNone(history["summary"]["argocd"])
        self.assertEqual({one["window"] for one in history["reconciles"]}, {1800})
        check_schema(history)
        self.assertEqual(history["fsync"], sorted(history["fsync"], key=lambda one: one["time"]))
        text = self.agent.cli("bench", "history", check=True).stdout
        for label in ("fsync p99", "steal", "hidden", "flux", "slowest", "drift"):
            self.assertIn(label, text)
        whole = json.loads(self.agent.cli("report", "-o", "json", check=True).stdout)
        self.assertEqual(whole["history"]["summary"]["probe"]["flushes"], len(numbers["values"]))
        self.assertEqual(whole["status"]["node"]["name"], "web-01")
        check_schema(json.loads(self.agent.cli("bench", "history", "--for", "1m", "-o", "json", check=True).stdout))


if __name__ == "__main__":
    unittest.main()
