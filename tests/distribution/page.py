"""Makes a table of docs/nova.md from the record of a run: python -m distribution.page RECORD (in tests/)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from helpers.tables import by_release

PAGE = Path(__file__).parents[2] / "docs" / "nova.md"
#: What is between these is made.
BEGIN, END = "<!-- made by make debian-nova -->\n", "<!-- until here -->\n"
#: What people call a release.
NAMES = {"trixie": "Debian 13 (trixie)", "bookworm": "Debian 12 (bookworm)"}
_MARKS = {"pass": "", "fail": "**no**: ", "not run": "not run: "}

Row = dict[str, Any]


def table(rows: list[Row]) -> str:
    """The table: a column for each release, a line for each step."""
    releases = list(dict.fromkeys(row["release"] for row in rows))
    steps = list(dict.fromkeys(row["name"] for row in rows))
    cells = {(row["release"], row["name"]): _MARKS[row["result"]] + row["text"] for row in rows}
    return by_release(releases, steps, NAMES, lambda release, step: cells.get((release, step), ""))


def main() -> int:
    """Writes the table into the page."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table(rows) + END + rest.split(END, 1)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
