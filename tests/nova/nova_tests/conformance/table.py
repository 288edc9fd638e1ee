"""The table of docs/nova.md, from what the runs of Nova's own tests found."""

from __future__ import annotations

from .records import ROOT, Record, best

PAGE = ROOT / "docs" / "nova.md"
#: What is between these is made.
BEGIN, END = "<!-- made by scripts/conformance -->\n", "<!-- until here -->\n"
SCOPES = {"whole": "all of `virt/libvirt`", "quick": "migration path"}


def write_table(of: str) -> list[str]:
    """Writes the table into the page; returns what is to be said of it: rows of other sources than `of`."""
    rows = best(of)
    if not rows:
        return ["nothing is kept, so the table stays as it is"]
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table(rows) + END + rest.split(END, 1)[1])
    others = [
        f"{row['release']} {row['mode']} was run with other sources" for row in rows if row["sources"] != of
    ]
    return others + [f"{row['release']} {row['mode']}: {text}" for row in rows for text in row["problems"]]


def table(rows: list[Record]) -> str:
    """The table, in the order of the rows."""
    lines = [
        "| Nova | mode | tests | run | differ | the rule's tests |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        passed = f"{row['rule_passed']} of {row['rule']} pass"
        cells = (row["release"], row["mode"], SCOPES[row["scope"]], row["run"], row["differ"], passed)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
