#!/usr/bin/env python3
"""Runs the node tests and counts them. A machine that cannot boot a node says SKIPPED and why, and exits 77."""

import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import node  # noqa: E402


def main():
    reason = node.why_not()
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE), pattern="*_test.py")
    if reason:
        print(f"node tests: SKIPPED: {reason}\nnode tests: 0 passed, 0 failed, {suite.countTestCases()} skipped")
        return 77
    start = time.monotonic()
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"node tests: {max(0, result.testsRun - bad - skipped)} passed, {bad} failed, {skipped} skipped"
          f" in {time.monotonic() - start:.0f} s")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
