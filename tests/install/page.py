"""Makes the table of docs/install.md from the record of a run: python -m install.page RECORD … (in tests/).

Of a way that was tried more than once the last one counts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from helpers.tables import by_release

PAGE = Path(__file__).parents[2] / "docs" / "install.md"
#: What is between these is made.
BEGIN, END = "<!-- made by make dist -->\n", "<!-- until here -->\n"
NAMES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian unstable"}

Row = dict[str, Any]


def cell(row: Row | None) -> str:
    """What became of a way."""
    if row is None:
        return "not run"
    text = str(row["text"])
    return {"pass": text, "fail": f"**no**: {text}", "not run": "not run"}[row["result"]]


def table(rows: list[Row]) -> str:
    """A line for each way, a column for each system; nothing of a run that had none."""
    if not rows:
        return ""
    releases = list(dict.fromkeys(row["release"] for row in rows))
    ways = list(dict.fromkeys(row["name"] for row in rows if row["result"] != "not run"))
    cells = {(row["release"], row["name"]): row for row in rows}
    return by_release(releases, ways, NAMES, lambda release, way: cell(cells.get((release, way))))


def main() -> int:
    """Writes the table into the page."""
    rows = [json.loads(line) for name in sys.argv[1:] for line in Path(name).read_text().splitlines()]
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table(rows) + END + rest.split(END, 1)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
