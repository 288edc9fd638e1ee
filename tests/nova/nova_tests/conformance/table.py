"""What the runs of Nova's own tests found, by release and mode, and the table of docs/nova.md from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
KEPT = ROOT / "target" / "conformance.json"
PAGE = ROOT / "docs" / "nova.md"
#: What is between these is made.
BEGIN, END = "<!-- made by scripts/conformance -->\n", "<!-- until here -->\n"

Record = dict[str, Any]


def _kept() -> dict[str, Record]:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def keep_record(release: str, mode: str, record: Record) -> None:
    """Keeps what a run found. A quick one does not replace a whole one."""
    kept = _kept()
    key = f"{release} {mode}"
    if record["scope"] == "quick" and kept.get(key, {}).get("scope") == "whole":
        return
    kept[key] = record
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def write_table() -> None:
    """Writes the table into the page."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + table(_kept()) + END + after)


def table(kept: dict[str, Record]) -> str:
    """The table: newest first."""
    scopes = {"whole": "all of `virt/libvirt`", "quick": "migration path"}
    lines = [
        "| Nova | mode | tests | run | differ | the rule's tests |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for key in sorted(kept, key=_newest_first):
        (release, mode), record = key.split(), kept[key]
        passed = f"{record['rule_passed']} of {record['rule']} pass"
        cells = (release, mode, scopes[record["scope"]], record["run"], record["differ"], passed)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _newest_first(key: str) -> tuple[list[int], str]:
    release, mode = key.split()
    return [-int(number) for number in re.findall(r"\d+", release)], mode
