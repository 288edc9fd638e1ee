"""Makes docs/cloud.md's tables from records of runs: python -m cloud.page PAGE RECORD … (in tests/).

Where several records have a scenario, the last one counts. nova.md, beside it, has what became of restarts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .run import SIDES
from .table import ALL, LEFT

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


def restarts(rows: list[Row]) -> str:
    """One table of the scenarios in which nova-compute is started again: a line for each step."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    sides = []
    for row in rows:
        if row["scenario"] not in LEFT or row["step"] == "create":
            continue
        sides += [row["side"]] if row["side"] not in sides else []
        cells = found.setdefault((row["scenario"], row["step"]), {})
        cells[row["side"]] = _verdict(row)
    lines = [f"| restart | step | {' | '.join(sides)} |", f"|{' --- |' * (len(sides) + 2)}"]
    for (scenario, step), cells in found.items():
        told = [scenario.removeprefix("restart, "), step, *(cells.get(side, "") for side in sides)]
        lines.append(f"| {' | '.join(_cell(cell) for cell in told)} |")
    return "\n".join(lines) + "\n"


def _verdict(row: Row) -> str:
    told = f"{row['migration']}, {row['guest']}"
    return told if not row["problems"] else f"**not right**: {told}, {row['status']}"


def _write(page: Path, told: str) -> None:
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + told + END + rest.split(END, 1)[1])


def main() -> int:
    """Writes the tables into the pages."""
    page, *files = (Path(word) for word in sys.argv[1:])
    rows = ordered([[json.loads(line) for line in file.read_text().splitlines()] for file in files])
    _write(page, "\n" + tables(rows))
    _write(page.with_name("nova.md"), restarts(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
