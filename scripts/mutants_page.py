"""docs/mutants.md from what cargo-mutants measured.

`add FOLDER COMMIT OUTCOMES RECORD` adds a run's outcomes to a record of one line each, `write RECORD
PAGE` makes the page of it. A mutant that was measured twice counts as the last time. Reasons of
survivors that stay are in mutants.json beside this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

REASONS = Path(__file__).with_name("mutants.json")
FOLDERS = ("engine", "remedy", "recovery", "policy", "params", "domain_xml")
COLUMNS = ("CaughtMutant", "MissedMutant", "Timeout", "Unviable")

HEAD = """# Mutants: what the tests notice

Made by `make mutants`: [cargo-mutants](https://mutants.rs) changes the code in one place at a time, and
the crate's tests have to fail. A timeout is a change that never ends, which a test notices too; an
unviable one does not compile and counts nowhere. The score is the part of the others that was noticed.
Of a folder that was not measured whole it is a part that the shards chose, not the tests' author.

| folder | mutants | measured | caught | survived | timeouts | unviable | score |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant."""

    folder: str
    #: cargo-mutants' own: file, line, column and what was changed.
    name: str
    #: One of cargo-mutants' summaries.
    summary: str
    #: The commit whose tests were run.
    commit: str


def bare(name: str) -> str:
    """The name without line and column, which change with every other commit."""
    place, _, change = name.partition(": ")
    return f"{place.split(':')[0]}: {change}"


def add(folder: str, commit: str, outcomes: Path, record: Path) -> None:
    """Adds a run's outcomes to the record."""
    with record.open("a") as lines:
        for outcome in json.loads(outcomes.read_text())["outcomes"]:
            if isinstance(outcome["scenario"], dict):
                name = outcome["scenario"]["Mutant"]["name"]
                line = {"folder": folder, "name": name, "summary": outcome["summary"], "commit": commit}
                lines.write(json.dumps(line) + "\n")


def current() -> dict[str, list[str]]:
    """The names of all mutants that there are now, by folder."""
    command = ["cargo", "mutants", "--list", "--json"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    names: dict[str, list[str]] = {folder: [] for folder in FOLDERS}
    for mutant in listed:
        folder = mutant["file"].split("/")[1]
        if folder in names:
            names[folder].append(mutant["name"])
    return names


def measured(record: Path) -> dict[str, Outcome]:
    """The last outcome of each mutant."""
    lines = record.read_text().splitlines()
    return {outcome.name: outcome for outcome in (Outcome(**json.loads(line)) for line in lines)}


def page(names: dict[str, list[str]], found: dict[str, Outcome], reasons: dict[str, str]) -> str:
    """The text of the page."""
    rows, survivors, commits = "", [], Counter[str]()
    for folder in FOLDERS:
        outcomes = [found[name] for name in names[folder] if name in found]
        if not outcomes:
            continue
        commits.update(outcome.commit for outcome in outcomes)
        count = Counter(outcome.summary for outcome in outcomes)
        caught, missed, timeouts, unviable = (count[column] for column in COLUMNS)
        viable = caught + missed + timeouts
        score = f"{100 * (caught + timeouts) / viable:.1f} %" if viable else "-"
        cells = (f"`{folder}`", len(names[folder]), len(outcomes), caught, missed, timeouts, unviable, score)
        rows += f"| {' | '.join(map(str, cells))} |\n"
        survivors += [outcome.name for outcome in outcomes if outcome.summary == "MissedMutant"]
    text = HEAD + rows + f"\nMeasured at {', '.join(sorted(commits))}.\n\n## Survivors\n\n"
    if not survivors:
        return text + "None.\n"
    text += "| mutant | why it stays |\n| --- | --- |\n"
    for name in survivors:
        reason = reasons.get(bare(name), "**not judged yet**")
        text += f"| `{bare(name).replace('|', chr(92) + '|')}` | {reason} |\n"
    return text


def main() -> None:
    """Does what the command line says."""
    match sys.argv[1:]:
        case ["add", folder, commit, outcomes, record]:
            add(folder, commit, Path(outcomes), Path(record))
        case ["write", record, target]:
            reasons = json.loads(REASONS.read_text())
            Path(target).write_text(page(current(), measured(Path(record)), reasons))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
