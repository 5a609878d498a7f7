"""What every story about a node asks of it."""

import json
import unittest

from node import wait_for


class Words:
    """For a unittest.TestCase whose `node` gives its `status()`."""

    def status_with(self, what, check, seconds=60):
        """Waits until `bedplate status -o json` is as asked, and gives it."""
        seen = {}

        def look():
            seen["status"] = self.node.status()
            try:
                return check(seen["status"])
            except (KeyError, TypeError):
                return False

        try:
            wait_for(what, look, seconds, 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(seen['status'], indent=1)}") from None
        return seen["status"]

    def in_force(self, commit, seconds=90):
        return self.status_with(f"commit {commit[:7]} in force", lambda s: s["generation"]["commit"] == commit
                                and s["generation"]["state"] == "applied", seconds)

    def condition(self, status, kind):
        return next(c for c in status["conditions"] if c["type"] == kind)


class Story(Words, unittest.TestCase):
    """The tests of a class are one story, in order: it ends with the first that fails. `units`: whose journal is shown then."""

    failed_at = None
    units = ("bedplated",)

    def setUp(self):
        if self.failed_at:
            self.skipTest(f"the story ended at {self.failed_at}")

    def tearDown(self):
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors):
            type(self).failed_at = self._testMethodName
            named = [word for unit in self.units for word in ("-u", unit)]
            journal = self.node.try_run("journalctl", "--no-pager", *named, "-n", "60").stdout
            print(f"\n---- the node's journal of {', '.join(self.units)}:\n{journal}----")
