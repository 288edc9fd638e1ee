"""Runs modules of Nova's own unit tests, stock or with the drop-in, and writes what became of each test.

Run by scripts/conformance with the Python of a venv that scripts/nova-venv made:

    python -m nova_tests.conformance.run FOLDER MODULE... --way stock= --way drop-in=
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import sys
import traceback
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
    parser.add_argument("folder", type=Path)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--way", action="append", default=[], help="WAY=PATTERN of the tests' names")
    parser.add_argument("--shards", type=int, default=1, help="processes at a time")
    options = parser.parse_args()

    # Nova reads this when it is first imported.
    assert "OS_NOVA_DISABLE_EVENTLET_PATCHING" in os.environ, "say which threading mode"
    sys.argv = sys.argv[:1]
    import nova.tests.unit  # noqa: F401

    _quicker_yaml()
    # Imported once for all ways: that takes as long as a hundred tests.
    tests = list(_tests(unittest.TestLoader().loadTestsFromNames(options.modules)))
    gc.freeze()
    code = 0
    for text in options.way:
        way, pattern = text.split("=", 1)
        chosen = [test for test in tests if re.search(pattern, test.id())]
        parts = [(chosen[shard :: options.shards], shard) for shard in range(options.shards)]
        children = [_in_a_child(way, part, options.folder / f"{way}-{shard}.json") for part, shard in parts]
        code += sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return min(code, 1)


def _in_a_child(way: str, chosen: list[Any], out: Path) -> int:
    """Runs the tests in a process of their own, so that what a way overrides is gone after it; its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    try:
        WAYS[way]()
        result = Recorder()
        for test in chosen:
            test.run(result)
        out.write_text(json.dumps(result.outcomes, indent=1, sort_keys=True))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _plain() -> None:
    from libvirt_migrate.nova import install

    install()


def _drop_in() -> None:
    from . import adapter

    adapter.install()


#: With Nova alone, with the drop-in and the adapter, and with the drop-in as users have it.
WAYS = {"stock": lambda: None, "drop-in": _drop_in, "plain": _plain}


def _quicker_yaml() -> None:
    """Half the time of a test of Nova is in reading one file of policies; libyaml reads it faster."""
    import yaml

    yaml.safe_load = lambda stream: yaml.load(stream, yaml.CSafeLoader)


def _tests(suite: Any) -> Any:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _tests(item)
        else:
            yield item


if __name__ == "__main__":
    sys.exit(main())
