"""The table is printed when the tests are over."""

from __future__ import annotations

import pytest

from .table import VERDICTS, lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table of the situations that were run."""
    rows = config.stash.get(VERDICTS, [])
    if rows:
        terminalreporter.section(f"plan: {len(rows)} situations")
        for line in lines(rows):
            terminalreporter.write_line(line)
