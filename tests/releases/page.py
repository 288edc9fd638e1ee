"""Makes docs/compatibility.md from the record of a run: python -m releases.page RECORD PAGE (in tests/)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from helpers import symbols

from .cells import is_back

_HEAD = """# Which releases work together

This page is made by `make matrix`, from a run between hosts of [the lab](lab.md) that are of several
Debian releases: each with its own libvirt, QEMU and Python, and real guests that count on every page of
their memory. Do not edit it.

## Supported versions

| Debian | libvirt | QEMU | Python | the wheel | tests |
| --- | --- | --- | --- | --- | --- |
{releases}
One wheel is for all of them. It is built on the oldest, installed and imported with each one's own Python
(abi3, 3.10 and newer) and used with its libvirt; "tests" are those that need no daemon. It links no
function of libvirt's that is newer than {oldest}, which is the oldest that is supported; newer ones are
looked up when they are called.
"""

_WAYS = """
## Moves

To the same release or to a newer one, which is what libvirt supports. The guest has the newest Q35
machine type of the source. In each cell it is asserted that the guest runs on one
host only, with its memory intact, that its live *and* its persistent definition there have that host's
address, that the other host has nothing of it, and that it starts anew with the right definition.
"""

_RAW = """
"without persistent_xml" is libvirt's own call with a new definition for the guest that runs and none for
the one that is kept: *stale* is the bug, which newer libvirts have too.

And back to an older release, which libvirt does not promise, with the newest Q35 machine type that it has:
"""

_LACKING = """
The check before a migration refuses a guest whose machine type the destination lacks:

"""

_UPGRADE = """
## The rolling upgrade

Two guests that were started on the oldest release, moved by `libvirt-migrate drain` from each host to the
next newer one, and started anew on the newest:

"""

_FEATURES = """
## What newer releases brought

"refused" is said before anything is sent, with the parameter, the libvirt that has it and the one that
was found: by the library where the source lacks it, and by the check of `plan` and `migrate` where the
destination does. Where libvirt has a feature and one of the two QEMUs has not, it is libvirt that refuses.
"""

_NOVA = """
## Nova

Nova's own libvirt driver with the [drop-in](nova.md), from an older Nova and the newest,
between hosts of their day. The driver runs on this machine, with its client of libvirt.
"""

_FOUND = """
## How versions are found out

The daemon that is called tells its libvirt's version (`Host.libvirt_version`); the parameters, flags and
compression methods that a migration would use are compared with it before it starts, and the check of
`libvirt-migrate plan` and `migrate` compares them with the destination's too. Machine types come from the
destination's capabilities. Nothing goes by a client's version.
"""

#: The way of which the refusals are told, and no table is made.
LACKING = "newer machine type"
#: What a cell without a text of its own shows.
_MARKS = {"pass": "yes", "fail": "**no**", "not run": "not run"}


def page(rows: list[dict[str, Any]], oldest: str) -> str:
    """The page of a run."""
    ways, features, novas = (
        [row for row in rows if row["kind"] == kind] for kind in ("way", "feature", "nova")
    )
    lacking = [row for row in ways if row["name"] == LACKING]
    moves = [row for row in ways if row["name"] != LACKING]
    parts = [
        _HEAD.format(releases="".join(_releases(rows)), oldest=oldest),
        _WAYS,
        _table("way", [row for row in moves if not _is_back(row)]),
        _RAW,
        _table("way", [row for row in moves if _is_back(row)]),
        _LACKING,
        *(f"- {_pair(row)}: {row['text'] or _MARKS[row['result']]}\n" for row in lacking),
        _UPGRADE,
        *(f"- {row['name']}: {_shown(row)}\n" for row in rows if row["kind"] == "upgrade"),
        _FEATURES,
        _table("feature", [row for row in features if not _is_back(row)]),
        _table("feature", [row for row in features if _is_back(row)]),
        _told("refused: ", features),
        _NOVA,
        _table("Nova", novas, ""),
        _FOUND,
        _missing(rows),
    ]
    return "".join(parts)


def _is_back(row: dict[str, Any]) -> bool:
    return is_back((row["source"], row["destination"]))


def _pair(row: dict[str, Any]) -> str:
    return f"{row['source']} → {row['destination']}"


def _releases(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        if row["kind"] != "release":
            continue
        name = row["source"]
        wheel, tests = (_cell(rows, name, what) for what in ("wheel", "tests"))
        versions = (
            dict(part.rsplit(" ", 1) for part in row["text"].split(", ")) if row["result"] == "pass" else {}
        )
        shown = [versions.get(what, _MARKS[row["result"]]) for what in ("libvirt", "QEMU", "Python")]
        lines.append(f"| {name} | {' | '.join(shown)} | {wheel} | {tests} |\n")
    return lines


def _cell(rows: list[dict[str, Any]], name: str, what: str) -> str:
    found = [row for row in rows if (row["kind"], row["source"], row["name"]) == ("wheel", name, what)]
    if not found:
        return _MARKS["not run"]
    row = found[0]
    passed = row["text"].partition(",")[0] if what == "tests" else "works"
    return passed if row["result"] == "pass" else _MARKS[row["result"]]


def _table(head: str, rows: list[dict[str, Any]], missing: str = _MARKS["not run"]) -> str:
    """`missing` is for what has no row."""
    pairs = list(dict.fromkeys(_pair(row) for row in rows))
    cells = {(row["name"], _pair(row)): _shown(row) for row in rows}
    lines = [f"\n| {head} | {' | '.join(pairs)} |\n", f"| --- |{' --- |' * len(pairs)}\n"]
    for name in dict.fromkeys(row["name"] for row in rows):
        found = [cells.get((name, pair), missing) for pair in pairs]
        lines.append(f"| {name} | {' | '.join(found)} |\n")
    return "".join(lines)


def _shown(row: dict[str, Any]) -> str:
    """What a cell says in few words."""
    if row["result"] != "pass":
        return _MARKS[row["result"]]
    word = str(row["text"]).partition(":")[0]
    return f"yes, {word}" if word.startswith("pc-") else word or _MARKS["pass"]


def _told(start: str, rows: list[dict[str, Any]]) -> str:
    """The messages of the refusals, each once."""
    found = dict.fromkeys(row["text"].removeprefix(start) for row in rows if row["text"].startswith(start))
    return "\n" + "".join(f"- `{text}`\n" for text in found) if found else ""


def _missing(rows: list[dict[str, Any]]) -> str:
    """What failed or was not run, with the reason."""
    lines = [
        f"- {_pair(row) if row['kind'] not in ('release', 'wheel') else row['source']}, {row['name']}: "
        f"{_MARKS[row['result']]}: {row['text']}\n"
        for row in rows
        if row["result"] != "pass"
    ]
    return "\n## What did not pass\n\n" + "".join(lines) if lines else ""


def main(record: str, target: str) -> None:
    """Writes the page."""
    rows = [json.loads(line) for line in Path(record).read_text().splitlines()]
    Path(target).write_text(page(rows, ".".join(map(str, symbols.OLDEST))))


if __name__ == "__main__":
    main(*sys.argv[1:])
