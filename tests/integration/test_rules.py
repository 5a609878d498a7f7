#!/usr/bin/env python3
"""What packaging/ ships for Prometheus and Grafana: the rules under promtool, and that rules and dashboard ask only for
metrics, labels and values that agent/report/metrics*.cpp writes."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "packaging/prometheus/bedplate.rules.yml"
RULES_TEST = pathlib.Path(__file__).resolve().parent / "bedplate.rules.test.yml"
DASHBOARD = ROOT / "packaging/grafana/bedplate.json"
OTHERS = {"node_textfile_mtime_seconds"}  # of node_exporter
NAME = re.compile(r"\b((?:bedplate|node)_[a-z_]+)\b")
# Names that are put together from a base; metrics.cpp says so where it does.
DERIVED = ("_bucket", "_sum", "_count", "_limit")
# Of labels whose values are a fixed list in the sources.
MATCHER = re.compile(r'\b(type|status|mode|state|probe|verdict|kind)(=~|!~|!=|=)"([^"]*)"')


def sources():
    files = [*(ROOT / "agent/report").glob("*.cpp")]
    return "\n".join(file.read_text() for file in files)


def written():
    text = "\n".join(file.read_text() for file in (ROOT / "agent/report").glob("metrics*.cpp"))
    return set(re.findall(r'"(bedplate_[a-z_]+)"', text))


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True)


def expressions_of_rules():
    """The texts behind `expr:`, folded or not."""
    return re.findall(r"^ +expr: (?:>-\n)?((?:.|\n)*?)(?=^ +(?:for|labels):)", RULES.read_text(), re.MULTILINE)


def panels():
    dashboard = json.loads(DASHBOARD.read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions_of_dashboard():
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    return queries + [target["expr"] for panel in panels() for target in panel["targets"]]


class Rules(unittest.TestCase):
    def needs_promtool(self):
        if not shutil.which("promtool"):
            self.skipTest("SKIPPED: no promtool here (package prometheus)")

    def test_promtool_takes_them(self):
        self.needs_promtool()
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_alert_fires_and_keeps_silent(self):
        self.needs_promtool()
        with tempfile.TemporaryDirectory() as folder:
            test = pathlib.Path(folder) / "test.yml"
            test.write_text(RULES_TEST.read_text().replace("RULES", str(RULES)))
            done = promtool("test", "rules", str(test))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_alert_is_without_both_tests(self):
        alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
        tests = RULES_TEST.read_text()
        self.assertGreater(len(alerts), 10)
        for alert in alerts:
            self.assertRegex(tests, rf"eval_time: 4h, alertname: {alert}, exp_alerts: \[\]", alert)
            self.assertRegex(tests, rf"alertname: {alert}\n +exp_alerts:\n +- exp_labels", alert)

    def test_every_expression_of_the_dashboard_is_one(self):
        """As a rule each, since promtool 2.42 has no parser of its own to ask."""
        self.needs_promtool()
        rules = "groups:\n- name: dashboard\n  rules:\n"
        for number, expression in enumerate(expressions_of_dashboard()):
            if not expression.startswith("label_values("):
                filled = expression.replace("$__rate_interval", "1h").replace("$instance", ".*")
                rules += f"  - record: panel{number}\n    expr: {json.dumps(filled)}\n"
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(rules)
            file.flush()
            done = promtool("check", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Names(unittest.TestCase):
    def expressions(self):
        rules, dashboard = expressions_of_rules(), expressions_of_dashboard()
        self.assertEqual(len(rules), RULES.read_text().count("- alert:"))
        self.assertGreater(len(dashboard), 15)
        return rules + dashboard

    def test_every_metric_is_written(self):
        names = written()
        self.assertGreater(len(names), 15)
        for expression in self.expressions():
            for name in NAME.findall(re.sub(r'"[^"]*"', "", expression)):
                base = next((name.removesuffix(end) for end in DERIVED if name.endswith(end)), name)
                self.assertTrue(name in names or base in names or name in OTHERS, f"{name} in {expression}")

    def test_every_value_of_a_label_is_written(self):
        text = sources()
        for expression in self.expressions():
            for _, _, values in MATCHER.findall(expression):
                for value in values.split("|"):
                    self.assertTrue(f'"{value}"' in text, f"{value} in {expression}")


class Dashboard(unittest.TestCase):
    def test_panels_have_their_own_place_and_number(self):
        dashboard = json.loads(DASHBOARD.read_text())
        self.assertEqual(dashboard["uid"], "bedplate")
        numbers = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        taken = set()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_every_panel_asks_the_chosen_source_for_the_chosen_nodes(self):
        for panel in panels():
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")
            for target in panel["targets"]:
                self.assertIn('instance=~"$instance"', target["expr"], panel["title"])


if __name__ == "__main__":
    unittest.main()
