"""Makes docs/guests.md from the record of a run: python -m guests.page RECORD PAGE (in tests/)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .cell import CELLS
from .groups import groups

_HEAD = """# Guests as people have them

This page is made by `make guests`, from runs of it between two hosts of [the lab](lab.md) (libvirt {libvirt},
QEMU {qemu}) under emulation, two at once on two cores: so are the seconds.
Do not edit it.

Each guest has Linux in it (Debian's cloud kernel). It counts on every page of its working set, has a TCP
session with this machine, and is pinged. `plan` is asked, it is moved, and what it has is tried; both of
its definitions must have the new host's address; then the same back; then it is started anew from its
persistent definition, and tried again. A cell is in the table as moved where all of that was right.

"Pause" is the guest's own longest silence, "TCP" and "ping" how long this machine did without an answer:
there, and back.
"""
_CELLS = "| guest | `plan` | pause, s | TCP, s | ping, s | |\n| --- | --- | --- | --- | --- | --- |\n"
_STORIES = "| while it moves | what becomes of it |\n| --- | --- |\n"
_GROUPS = """
## What libvirt's own testers move

The groups of `autotest/tp-libvirt` (libvirt/tests/cfg/migration, August 2026), and what is here.

| group | | |
| --- | --- | --- |
"""


def page(rows: list[dict[str, Any]], libvirt: str, qemu: str) -> str:
    """The page of a run."""
    parts = [_HEAD.format(libvirt=libvirt, qemu=qemu)]
    # A cell that was run again is as it was then.
    ran = {row["id"]: row for row in rows}
    for theme in dict.fromkeys(cell.theme for cell in CELLS):
        here = [cell for cell in CELLS if cell.theme == theme]
        cells = [_cell(cell.name, ran.get(cell.id)) for cell in here if cell.tell is None]
        stories = [_story(cell.name, ran.get(cell.id)) for cell in here if cell.tell is not None]
        parts.append(f"\n## {theme}\n")
        parts += ["\n", _CELLS, *cells] if cells else []
        parts += ["\n", _STORIES, *stories] if stories else []
    parts.append(_GROUPS)
    for group in groups():
        missing = [name for name in group.cells if name not in ran or "wrong" in ran[name]]
        wrong = f" (not right in this run: {', '.join(missing)})" if missing else ""
        parts.append(f"| {group.name} | {group.standing} | {_text(group.why, link=True)}{wrong} |\n")
    return "".join(parts)


def _cell(name: str, row: dict[str, Any] | None) -> str:
    if row is None:
        return f"| {_text(name)} | | | | | not run |\n"
    if "wrong" in row:
        said = _text(row.get("said", ""))
        return f"| {_text(name)} | {said} | | | | **wrong**: {_short(row['wrong'])} |\n"
    there, back = row.get("there"), row.get("back")
    if there is None or back is None:
        return f"| {_text(name)} | {_text(row['said'])} | | | | libvirt refuses it as well |\n"
    gaps = " | ".join(_both(there[kind], back[kind]) for kind in ("pause", "tcp", "ping"))
    end = "there, back, next start" if row["restarted"] else "there and back"
    # QEMU's emulator, not the migration (docs/lab.md).
    end += f"; it fell silent {row['lost']} times before" if row.get("lost") else ""
    return f"| {_text(name)} | {_text(row['said'])} | {gaps} | {end} |\n"


def _both(there: float, back: float) -> str:
    return f"{there:.2f}, {back:.2f}" if there or back else "stands still"


def _story(name: str, row: dict[str, Any] | None) -> str:
    if row is None:
        return f"| {_text(name)} | not run |\n"
    told = f"**wrong**: {_short(row['wrong'])}" if "wrong" in row else _text(row["said"])
    return f"| {_text(name)} | {told} |\n"


def _short(text: str) -> str:
    return _text(" ".join(text.split())[:160])


def _text(text: str, *, link: bool = False) -> str:
    """Text in which Markdown finds nothing of its own."""
    for mark in ("\\", "|", "<", "*") if link else ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return text


def main(record: str, target: str) -> None:
    """Writes the page."""
    import libvirt

    # It brings the cells of all files.
    from . import test_guests  # noqa: F401

    number = libvirt.getVersion()
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    rows = [json.loads(line) for line in Path(record).read_text().splitlines()]
    Path(target).write_text(page(rows, version, _qemu()))


def _qemu() -> str:
    from libvirt_migrate.lab import tools

    return tools.run(["qemu-system-x86_64", "--version"]).split()[3]


if __name__ == "__main__":
    main(*sys.argv[1:])
