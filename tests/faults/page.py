"""Makes docs/reliability.md from the record of a run: python -m faults.page RECORD PAGE [PHASE] (in tests/).

With a phase only its table is made anew, from a run of that phase alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .case import PHASES

_HEAD = """# What happens when things break

This page is made by `make faults`, from a run of the fault matrix on two hosts of [the lab](lab.md): real
daemons (libvirt {libvirt}) and real guests that count on every page of their memory. Do not edit it.

Each case has fresh hosts. Afterwards it is asserted that the guest runs on exactly one host (unless its own
QEMU was what died), that its memory is intact, that its persistent definition is on exactly the host
where it runs and has that host's address, that the other host has nothing left, that no job lock is held for
longer than 5 s after our call has returned (the longest in this run: {lock:.1f} s), that a soft reboot works
where the guest is, and that a second migration succeeds.

"Took" is from the fault to the end of the call, and of `recover` after it where it was needed. It depends on
the machine where it is seconds, and on libvirt's keepalive (30 s) or TCP (2 minutes) where it is more.

- `Guest.recover(destination=…)` puts a guest right. It does nothing that could lose memory or the last
  definition, and says what is safe to do where it can do nothing.
- `where_is(guest, hosts)` says where a guest is.
- `Guest.adopt_migration()` attaches to a migration whose caller is gone.
- A daemon has a worker for each call, 20 by default, and a migration keeps one busy until its end. For many
  at once raise `max_workers` in libvirtd.conf, or `virtqemud.conf`, at the source.
"""

_TITLES = {
    "setup": "While it is set up",
    "pre-copy": "In pre-copy",
    "switchover": "At the switchover",
    "exclusive": "At the switchover, with `exclusive`",
    "post-copy": "In post-copy",
    "callers": "Callers",
    "persistence": "Persistence",
}


def page(rows: list[dict[str, Any]], libvirt: str) -> str:
    """The page of a run."""
    parts = [_HEAD.format(libvirt=libvirt, lock=max(row.get("lock", 0.0) for row in rows))]
    return "".join(parts + [_section(rows, phase) for phase in PHASES])


def _section(rows: list[dict[str, Any]], phase: str) -> str:
    lines = [_line(row) for row in rows if row["phase"] == phase]
    head = "| Fault | What happens | The guest | Took | What to do |\n| --- | --- | --- | --- | --- |\n"
    return f"\n## {_TITLES[phase]}\n\n{head}" + "".join(sorted(lines)) if lines else ""


def with_phase(text: str, rows: list[dict[str, Any]], phase: str) -> str:
    """The page with the table of one phase made anew, in its place."""
    head, *sections = text.split("\n## ")
    kept = {section.partition("\n")[0]: f"\n## {section}" for section in sections}
    kept[_TITLES[phase]] = _section(rows, phase)
    return head + "".join(kept.get(title, "") for title in _TITLES.values()) + others(text)


def others(text: str) -> str:
    """What other runs have put at the page's end."""
    sections = text.split("\n## ")[1:]
    theirs = [section for section in sections if section.partition("\n")[0] not in _TITLES.values()]
    return "".join(f"\n## {section}" for section in theirs)


def _line(row: dict[str, Any]) -> str:
    ends = row.get("ends", [])
    what = "; then ".join(_end(end) for end in ends)
    if pause := row.get("pause"):
        what += f"; pauses of {pause['exclusive']:.2f} s, and of {pause['plain']:.2f} s without `exclusive`"
    place = ends[-1]["place"] if ends else ""
    took = max((end["after"] for end in ends), default=0.0)
    shown = "at once" if took < 0.5 else f"{took:.0f} s"
    return f"| {row['fault']} | {what} | {place} | {shown} | {row['todo']} |\n"


def _end(end: dict[str, Any]) -> str:
    done = f" ({', '.join(dict.fromkeys(end['acts']))})" if end["acts"] else ""
    name = "" if end["what"] == "migrate" else f"{end['what']}: "
    text = end["text"].replace("|", "\\|").partition(" (the guest is ")[0]
    return f"{name}{text}{done}"


def main(record: str, target: str, phase: str | None = None) -> None:
    """Writes the page."""
    import libvirt

    rows = [json.loads(line) for line in Path(record).read_text().splitlines()]
    if phase is not None:
        text = with_phase(Path(target).read_text(), rows, phase)
        Path(target).write_text(text)
        return
    number = libvirt.getVersion()
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    kept = others(Path(target).read_text()) if Path(target).exists() else ""
    Path(target).write_text(page(rows, version) + kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
