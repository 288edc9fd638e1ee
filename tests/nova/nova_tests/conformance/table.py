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
    """The table, in the order of the rows, and that of the rule's tests by name."""
    lines = [
        "| Nova | mode | tests | run | differ | the rule's tests | at |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        passed = sum(1 for outcome in row["rule"].values() if outcome == "pass")
        rule = f"{passed} of {len(row['rule'])} pass"
        cells = (
            row["release"],
            row["mode"],
            SCOPES[row["scope"]],
            row["run"],
            row["differ"],
            rule,
            row["at"],
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", *rule_table(rows)]) + "\n"


def rule_table(rows: list[Record]) -> list[str]:
    """What became of the rule's tests, a line each, by the series of Nova."""
    series: dict[str, list[Record]] = {}
    for row in rows:
        series.setdefault(row["release"].split(".")[0], []).append(row)
    lines = [f"| the rule's test | {' | '.join(series)} |", "| --- |" + " --- |" * len(series)]
    for name in dict.fromkeys(name for row in rows for name in row["rule"]):
        cells = [_in_series(name, of) for of in series.values()]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def _in_series(name: str, rows: list[Record]) -> str:
    """ "pass" where it did in every run of the series, or where it did not."""
    others = [row for row in rows if row["rule"].get(name, "missing") != "pass"]
    told = [f"{row['release']} {row['mode']}: {row['rule'].get(name, 'missing')}" for row in others]
    return "; ".join(told) or "pass"
