"""Runs modules of Nova's own unit tests, stock or with the drop-in, and writes what became of each test.

Run by scripts/conformance with the Python of a venv that scripts/nova-venv made:

    python -m nova_tests.conformance.run OUT.json --drop-in MODULE...
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import unittest
from pathlib import Path
from typing import Any


class Recorder(unittest.TestResult):
    """What became of each test, and why where it did not pass."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, dict[str, str]] = {}

    def _record(self, test: Any, outcome: str, detail: str = "") -> None:
        self.outcomes[test.id()] = {"outcome": outcome, "detail": detail}

    def addSuccess(self, test: Any) -> None:
        self._record(test, "pass")

    def addSkip(self, test: Any, reason: str) -> None:
        self._record(test, "skip", reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._record(test, "expected failure")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._record(test, "unexpected success")

    def addError(self, test: Any, err: Any) -> None:
        self._record(test, "error", self._last(err))

    def addFailure(self, test: Any, err: Any) -> None:
        self._record(test, "fail", self._last(err))

    @staticmethod
    def _last(error: Any) -> str:
        """The error in one line; testtools formats a whole traceback into it."""
        lines = [line.strip() for line in str(error[1]).splitlines() if line.strip()]
        return f"{error[0].__name__}: {lines[-1] if lines else ''}"[:500]


def main() -> int:
    """Runs the tests and writes the outcomes. A test that fails is no failure of the run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--drop-in", action="store_true")
    parser.add_argument("--plain", action="store_true", help="the drop-in as users have it")
    parser.add_argument("--policy", choices=("adaptive", "schedule"), default="adaptive")
    parser.add_argument(
        "--only", type=re.compile, default=re.compile(""), help="a pattern for the tests' names"
    )
    parser.add_argument("--shard", default="0/1", help="which part of the tests, as INDEX/COUNT")
    options = parser.parse_args()

    # Nova reads this when it is first imported.
    assert "OS_NOVA_DISABLE_EVENTLET_PATCHING" in os.environ, "say which threading mode"
    sys.argv = sys.argv[:1]
    import nova.tests.unit  # noqa: F401

    if options.plain:
        from libvirt_migrate.nova import install

        install()
    elif options.drop_in:
        from . import adapter

        adapter.install(options.policy)

    index, count = map(int, options.shard.split("/"))
    suite = unittest.TestLoader().loadTestsFromNames(options.modules)
    result = Recorder()
    chosen = [test for test in _tests(suite) if options.only.search(test.id())]
    for number, test in enumerate(chosen):
        if number % count == index:
            test.run(result)
    options.out.write_text(json.dumps(result.outcomes, indent=1, sort_keys=True))
    return 0


def _tests(suite: Any) -> Any:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _tests(item)
        else:
            yield item


if __name__ == "__main__":
    sys.exit(main())
