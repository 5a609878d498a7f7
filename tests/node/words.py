"""What every story about a node asks of it."""

import json

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
