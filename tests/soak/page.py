"""Makes the soak's part of docs/reliability.md from a record: python -m soak.page RECORD PAGE (in tests/)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from .kinds import KINDS

TITLE = "Random migrations"
#: Of an error, characters.
LONGEST = 200


def section(rows: list[dict[str, Any]]) -> str:
    """What a run came to, in words and lists: the page's tables are the fault matrix's."""
    ends = [end for row in rows for end in row["ends"]]
    happened = Counter(fault.partition(" at the ")[0] for row in rows for fault in row["happened"])
    ways = Counter(way for _, way, *_ in ends)
    places = Counter(place for _, _, place, *_ in ends)
    mended = Counter(step.partition(":")[0] for end in ends for done in end[4:] for step in done)
    failed = [f"{row['number']} ({_short(row['error'])})" for row in rows if "error" in row]
    missed = sum(len(row["missed"]) for row in rows)
    hosts = {host for row in rows for route in row["routes"].values() for host in route.split(" to ")}
    minutes = sum(row["took"] for row in rows) / 60
    return f"""
## {TITLE}

`make soak` ([tests/soak](../tests/soak)) has {len(KINDS)} guests, one with Linux in it and two with
disks of their hosts' own, meet random faults in random ways on {len(hosts)} hosts.
Recorded: {len(ends)} migrations in {len(rows)} rounds with {happened.total()} faults.
It took {minutes:.0f} minutes (SEED={rows[0]["seed"]}).
{missed} more found nothing to happen to.
Rounds that failed: {", ".join(failed) or "none"}.

Asked after each round: what was told is so; each guest runs at one host, counts, and has every page right,
and every block of its disk; there is one process and one definition of it, with its host's address; no lock
is held; of `exclusive` ones never two spoke.

- Ways: {_listed(ways)}.
- Faults: {_listed(happened)}.
- Told: {_listed(places)}.
- What a user did then: {_listed(mended) or "nothing"}.
"""


def _short(error: str) -> str:
    """The first of what is told."""
    return error.partition("; told ")[0][:LONGEST]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))


def replaced(page: Path, title: str, text: str) -> None:
    """Puts a section in place of the one before, or at the end of the page."""
    before, found, after = page.read_text().partition(f"\n## {title}\n")
    rest = after[after.find("\n## ") :] if found and "\n## " in after else ""
    page.write_text(before + text + rest)


def main(record: str, target: str) -> None:
    """Puts the record's section into the page."""
    rows = [json.loads(line) for line in Path(record).read_text().splitlines()]
    replaced(Path(target), TITLE, section(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
