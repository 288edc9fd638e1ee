"""Makes docs/cloud.md's tables from the record of a run: python -m cloud.page RECORD PAGE (in tests/)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

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
    record, page = (Path(word) for word in sys.argv[1:3])
    rows = [json.loads(line) for line in record.read_text().splitlines()]
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + "\n" + tables(rows) + END + rest.split(END, 1)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
