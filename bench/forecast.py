"""Forecasts of `Guest.forecast` against what then happens, in the lab, over links that tc shapes.

Each cell is a guest of its own, measured and moved once; the link is given as it is shaped. A migration that
is not over by its deadline has not come to its end. The table goes into docs/convergence.md.

Usage: forecast.py [page]
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import libvirt

from libvirt_migrate import (
    Convergence,
    Guest,
    MigrationCancelled,
    MigrationFailed,
    build_migrate_params,
)
from libvirt_migrate.lab import Lab, Workload, faults

RECORD = Path("target/forecast.jsonl")
TITLE = "### Between real hosts"
#: When a migration is given up, s.
DEADLINE = 30.0


@dataclass(frozen=True)
class Cell:
    """A guest, what it does, and its way."""

    #: MiB, both.
    memory: int
    working_set: int
    #: ms after each time through the working set.
    rest: int
    #: Mbit/s.
    link: int
    intent: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """For the table."""
        load = f"{self.working_set} MiB" + (f", then rests {self.rest} ms" if self.rest else " all the time")
        intent = ", ".join(f"`{name}={value}`" for name, value in self.intent.items())
        return f"{self.memory} MiB, writes {load} | {self.link} Mbit/s | {intent or 'default'}"


CELLS = [
    Cell(256, 8, 50, 100),
    Cell(256, 4, 0, 100),
    Cell(256, 30, 0, 100),
    Cell(256, 30, 0, 100, {"post_copy": True}),
    Cell(384, 40, 0, 200, {"max_downtime": 2.5}),
    Cell(384, 40, 0, 200, {"throttle": True}),
    Cell(512, 18, 0, 400),
    Cell(512, 120, 0, 400),
    Cell(512, 120, 0, 400, {"post_copy": True}),
    Cell(512, 200, 4000, 400),
    Cell(512, 300, 20000, 400, {"post_copy": True}),
    Cell(1024, 10, 20, 400),
]


def run(lab: Lab, number: int, cell: Cell) -> dict[str, Any]:
    """Forecasts one, moves it, and tells both."""
    source, destination = lab.hosts
    workload = Workload(working_set=cell.working_set, rest=cell.rest)
    guest = lab.start_guest(f"forecast-{number}", memory=cell.memory, workload=workload)
    intent = Convergence(deadline=DEADLINE, **cell.intent)
    domain = guest.domain(source)
    faults.slow(source, cell.link * 1000)
    try:
        told = Guest(domain).forecast(destination.uri, link=cell.link * 125000, convergence=intent)
        xml = guest.xml_for(source, destination, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
        params = build_migrate_params(xml, destination=destination.uri)
        try:
            outcome: Any = Guest(domain).migrate(params, convergence=intent)
            ended = True
        except MigrationCancelled as error:
            outcome, ended = error.outcome, False
        except MigrationFailed as error:
            # It tells nothing of a forecast.
            return {"cell": asdict(cell), "words": cell.words, "failed": str(error)}
    finally:
        faults.unslow(source)
        lab.remove_guest(guest)
    load = os.getloadavg()[0]
    happened = {"ended": ended, "time": outcome.total_time, "pause": outcome.downtime}
    happened |= {"passes": outcome.iterations, "bytes": outcome.bytes}
    return {
        "cell": asdict(cell),
        "words": cell.words,
        "told": told.to_dict(),
        "happened": happened,
        "load": load,
        "decisions": [f"{decision.at:.1f} {decision}" for decision in outcome.decisions],
    }


def _figures(told: list[float] | None, happened: float | None) -> str:
    foreseen = "-" if told is None else f"{told[1]:.1f} ({told[0]:.1f} to {told[2]:.1f})"
    return f"{foreseen} | {'-' if happened is None else f'{happened:.1f}'}"


def section(rows: list[dict[str, Any]]) -> str:
    """The table, and what it comes to."""
    failed = [row for row in rows if "failed" in row]
    rows = [row for row in rows if "failed" not in row]
    right = [row for row in rows if row["told"]["ends"] == row["happened"]["ended"]]
    both = [row for row in right if row["happened"]["ended"]]
    errors = [abs(row["told"]["time"][1] / row["happened"]["time"] - 1) for row in both]
    lines = [
        "| guest | link | intent | ends: foreseen | ends | time, s: foreseen | time, s "
        "| pause, s: foreseen | pause, s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    yes = {True: "yes", False: "no"}
    for row in rows:
        told, happened = row["told"], row["happened"]
        time = _figures(told["time"], happened["time"] if happened["ended"] else None)
        pause = _figures(told["pause"], happened["pause"] if happened["ended"] else None)
        ends = f"{yes[told['ends']]} | {yes[happened['ended']]}"
        lines.append(f"| {row['words']} | {ends} | {time} | {pause} |")
    load = statistics.mean(row["load"] for row in rows)
    median = f"{statistics.median(errors) * 100:.0f} %" if errors else "not known"
    return (
        f"""{TITLE}

`make forecasts` ([bench/forecast.py](../bench/forecast.py)) has guests of the lab measured and moved over
links that tc shapes; one that is not over after {DEADLINE:.0f} s counts as one that does not end. Both hosts
shared {os.cpu_count()} cores with other work, at a load of {load:.0f}: times are those of such a machine.
{len(right)} of {len(rows)} forecasts of whether it ends were right; of those that ended the median error of
the time was {median}. Goals: 95 % and 25 %. Migrations that failed for another reason: {len(failed)}.

"""
        + "\n".join(lines)
        + "\n"
    )


def main(page: str | None = None) -> None:
    """Runs all cells, and writes the section of the page anew."""
    rows = []
    RECORD.parent.mkdir(exist_ok=True)
    with Lab(f"forecast-{os.getpid()}") as lab, RECORD.open("w") as record:
        for number, cell in enumerate(CELLS):
            row = run(lab, number, cell)
            rows.append(row)
            print(json.dumps(row), file=record, flush=True)
            told, happened = row.get("told", {}), row.get("happened")
            if happened is None:
                print(f"{cell.words}: {row['failed']}", flush=True)
                continue
            print(f"{cell.words}: told {told['ends']} {told['time']} {told['pause']}; {happened}", flush=True)
    text = section(rows)
    print(text)
    if page is not None:
        before, _, after = Path(page).read_text().partition(TITLE)
        _, heading, rest = after.partition("\n## ")
        Path(page).write_text(before + text + heading + rest)


if __name__ == "__main__":
    main(*sys.argv[1:2])
