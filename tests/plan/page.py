"""Makes the table of docs/checks.md from the record of a run: python -m plan.page RECORD PAGE (in tests/)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

MARK = "<!-- situations -->\n"


def page(text: str, rows: list[dict[str, str]], libvirt: str) -> str:
    """The page with the table of a run in place of the one that it has."""
    parts = [text.partition(MARK)[0], MARK]
    parts.append(f"\nThis run: {len(rows)} situations, with libvirt {libvirt}.\n")
    for theme in dict.fromkeys(row["theme"] for row in rows):
        parts.append(f"\n### {theme}\n\n| situation | `plan` | what then happened |\n| --- | --- | --- |\n")
        parts += [_line(row) for row in rows if row["theme"] == theme]
    return "".join(parts)


def _line(row: dict[str, str]) -> str:
    cells = (row["name"], row["said"], row["happened"])
    return f"| {' | '.join(_cell(cell) for cell in cells)} |\n"


def _cell(text: str) -> str:
    """Text in which Markdown finds nothing of its own."""
    for mark in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text


def main(record: str, target: str) -> None:
    """Writes the table into the page."""
    import libvirt

    number = libvirt.getVersion()
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    rows = [json.loads(line) for line in Path(record).read_text().splitlines()]
    path = Path(target)
    path.write_text(page(path.read_text(), rows, version))


if __name__ == "__main__":
    main(*sys.argv[1:])
