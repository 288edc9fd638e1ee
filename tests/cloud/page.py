"""Makes docs/cloud.md's tables from records of runs: python -m cloud.page PAGE RECORD … (in tests/).

Where several records have a scenario, the last one counts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .run import SIDES
from .table import ALL

#: What is between these is made.
BEGIN, END = "<!-- made by make cloud-all -->\n", "<!-- until here -->\n"
_COLUMNS = ("scenario", "step", "seconds", "status", "host", "database", "migration", "guest", "right")

Row = dict[str, Any]


def _cell(text: object) -> str:
    return ("" if text is None else str(text)).replace("|", "\\|").replace("\n", " ")


def _line(row: Row, scenario: str) -> str:
    right = "yes" if not row["problems"] else "**no**: " + "; ".join(row["problems"])
    told = [row[name] for name in ("step", "seconds", "status", "host", "database", "migration", "guest")]
    return f"| {' | '.join(_cell(cell) for cell in (scenario, *told, right))} |"


def ordered(records: list[list[Row]]) -> list[Row]:
    """The rows of all records, scenarios in the order of the table."""
    found: dict[tuple[str, str], list[Row]] = {}
    for record in records:
        fresh: dict[tuple[str, str], list[Row]] = {}
        for row in record:
            fresh.setdefault((row["side"], row["scenario"]), []).append(row)
        found |= fresh
    names = list(ALL)
    sides = [str(side) for side in SIDES]
    keys = sorted(found, key=lambda key: (sides.index(key[0]), names.index(key[1])))
    return [row for key in keys for row in found[key]]


def tables(rows: list[Row]) -> str:
    """A table for each side: a line for each step."""
    lines = []
    for side in dict.fromkeys(row["side"] for row in rows):
        lines += [f"### {side}", "", f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
        last = ""
        for row in rows:
            if row["side"] != side:
                continue
            lines.append(_line(row, "" if row["scenario"] == last else row["scenario"]))
            last = row["scenario"]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Writes the tables into the page."""
    page, *files = (Path(word) for word in sys.argv[1:])
    rows = ordered([[json.loads(line) for line in file.read_text().splitlines()] for file in files])
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + "\n" + tables(rows) + END + rest.split(END, 1)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
