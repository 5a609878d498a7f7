#!/usr/bin/env python3
"""Runs the node tests and counts them. A machine that cannot boot a node says SKIPPED and why; where nothing could run
the exit status is 77. Arguments: "vm" for the virtual machine's, else names as unittest has them; none for all."""

import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "vm")]
import image  # noqa: E402
import node  # noqa: E402


def suites(names):
    """(what, why it cannot run here or None, its tests)"""
    loader = unittest.TestLoader()
    vm = node.why_not() or image.why_not()
    if names == ["vm"] or not names:
        if not names:
            yield "node", node.why_not(), loader.discover(str(HERE), pattern="*_test.py")
        yield "vm", vm, loader.discover(str(HERE / "vm"), pattern="*_test.py", top_level_dir=str(HERE / "vm"))
    else:
        in_vm = all(name.startswith("vm_test") for name in names)
        yield "vm" if in_vm else "node", vm if in_vm else node.why_not(), loader.loadTestsFromNames(names)


def main():
    start = time.monotonic()
    passed = bad = skipped = 0
    for what, reason, suite in suites(sys.argv[1:]):
        if reason:
            print(f"{what} tests: SKIPPED: {reason}")
            skipped += suite.countTestCases()
            continue
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        wrong = len(result.failures) + len(result.errors)
        passed += max(0, result.testsRun - wrong - len(result.skipped))
        bad += wrong
        skipped += len(result.skipped)
    print(f"node tests: {passed} passed, {bad} failed, {skipped} skipped in {time.monotonic() - start:.0f} s")
    if bad:
        return 1
    return 0 if passed else 77


if __name__ == "__main__":
    sys.exit(main())
