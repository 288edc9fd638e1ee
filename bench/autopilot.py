"""Whole migrations of real guests: ours by default beside the flags that an operator would choose with virsh.

By turns, on fresh guests, over links that are shaped with tc. A migration that is not over after LIMIT
seconds is aborted, and counts as LIMIT. The pause is the longest silence that the listener heard; the
best way by hand is the fastest one that keeps the stated pause.
--page puts the table into docs/convergence.md.

Usage: autopilot.py [--quick] [--rounds N] [--only WORD] [--ways WORD,WORD] [--json FILE] [--page]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import libvirt

from libvirt_migrate import Convergence, Guest, MigrationError, build_migrate_params
from libvirt_migrate.lab import Lab, LabGuest, Workload, faults, releases

#: What a migration that does not end counts as, s.
LIMIT = 90.0
#: The pause that the guest may see, s, and what the machine's own pauses may add before it counts as longer.
MAX_DOWNTIME, JITTER = 0.5, 0.1
#: The aims: the geometric mean over all cells, and each single one.
MEAN, WORST = 1.05, 1.25
PAGE = Path(__file__).parent.parent / "docs" / "convergence.md"
BEGIN, END = "<!-- bench-autopilot -->", "<!-- /bench-autopilot -->"

IDLE: dict[str, Any] = {"working_set": 4, "rest": 1000}


@dataclass(frozen=True)
class Cell:
    """One guest, one link, and what is allowed."""

    name: str
    memory: int
    workload: Workload
    #: Mbit/s; 0 is all that there is.
    link: int = 0
    #: MiB/s that the migration may use; 0 is all.
    bandwidth: int = 0
    post_copy: bool = False
    #: The Debian release of both hosts; empty is this machine's own.
    release: str = ""
    #: It is not the first guest that this process moves over the link.
    learnt: bool = False
    quick: bool = False

    def __str__(self) -> str:
        more = ", post-copy" if self.post_copy else ""
        return f"{self.release or 'this machine'}: {self.name}{more}"


def filled(memory: int, *, text: bool = False, **work: int) -> Workload:
    """A guest whose memory is in use nearly as a whole."""
    return Workload(**(IDLE | work), fill=memory - 24, text=text)


OLD, NEW = "", "trixie"
TEXT, RANDOM = filled(128, text=True), filled(128)
CELLS = [
    Cell("zeroes, open link", 512, Workload(**IDLE), quick=True),
    Cell("random, open link", 512, filled(512), quick=True),
    Cell("text, open link", 512, filled(512, text=True)),
    Cell("random, 1 Gbit/s", 256, filled(256), link=1000),
    Cell("text, 1 Gbit/s", 256, filled(256, text=True), link=1000),
    Cell("text, 100 Mbit/s", 128, TEXT, link=100),
    Cell("64 MiB written, open link", 256, Workload(working_set=64), quick=True),
    Cell("160 MiB written, open link", 512, Workload(working_set=160)),
    Cell("64 MiB written, 1 Gbit/s", 256, Workload(working_set=64), link=1000, quick=True),
    Cell(
        "160 MiB written, 60 MiB/s", 512, Workload(working_set=160), bandwidth=60, post_copy=True, quick=True
    ),
    Cell("64 MiB written, 30 MiB/s", 256, Workload(working_set=64), bandwidth=30, post_copy=True),
    Cell(
        "64 MiB written in random, 1 Gbit/s", 256, filled(256, working_set=64, rest=0), 1000, post_copy=True
    ),
    Cell("random, open link", 512, filled(512), release=NEW),
    Cell("text, 1 Gbit/s", 256, filled(256, text=True), 1000, release=NEW),
    Cell("random, 1 Gbit/s", 256, filled(256), 1000, release=NEW),
    Cell(
        "text, 1 Gbit/s, second guest",
        256,
        filled(256, text=True),
        1000,
        release=NEW,
        learnt=True,
        quick=True,
    ),
    Cell("text, 100 Mbit/s", 128, TEXT, 100, release=NEW),
    Cell("random, 100 Mbit/s", 128, RANDOM, 100, release=NEW),
    Cell("text, 100 Mbit/s, second guest", 128, TEXT, 100, release=NEW, learnt=True, quick=True),
    Cell("random, 100 Mbit/s, second guest", 128, RANDOM, 100, release=NEW, learnt=True, quick=True),
    Cell("text, 10 MiB/s", 128, TEXT, bandwidth=10, release=NEW),
]

#: What virsh is told besides what each of them needs.
HAND: dict[str, tuple[str, ...]] = {
    "plain": (),
    "2 connections": ("--parallel", "--parallel-connections", "2"),
    "4 connections": ("--parallel", "--parallel-connections", "4"),
    "zstd": ("--compressed", "--parallel", "--parallel-connections", "2", "--comp-methods", "zstd"),
    "XBZRLE": ("--compressed", "--comp-methods", "xbzrle"),
    "auto-converge": ("--auto-converge",),
    "post-copy": ("--postcopy", "--postcopy-after-precopy"),
}
OURS = "ours"


@dataclass
class Measured:
    """One migration: seconds, and bytes on the wire."""

    took: float
    pause: float
    sent: int
    #: Work that the guest did not do in the time, s of its work.
    lost: float


@dataclass
class Result:
    """All of one way in one cell."""

    runs: list[Measured] = field(default_factory=list)

    def median(self, what: str) -> float:
        """Of all runs."""
        return statistics.median(float(getattr(run, what)) for run in self.runs)

    def keeps(self) -> bool:
        """Whether it ends, with the stated pause."""
        return self.median("took") < LIMIT and self.median("pause") <= MAX_DOWNTIME + JITTER


class Kept:
    """What was measured, in a file that another run goes on with where one is named."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        found = json.loads(path.read_text()) if path and path.exists() else {}
        self.cells = {
            cell: {way: Result([Measured(**run) for run in runs]) for way, runs in ways.items()}
            for cell, ways in found.items()
        }

    def add(self, cell: str, way: str, one: Measured) -> None:
        """One more."""
        self.cells.setdefault(cell, {}).setdefault(way, Result()).runs.append(one)
        if self._path:
            kept = {
                cell: {way: [asdict(run) for run in result.runs] for way, result in ways.items()}
                for cell, ways in self.cells.items()
            }
            self._path.write_text(json.dumps(kept, indent=1))


def ways(cell: Cell, chosen: set[str] | None) -> Iterator[str]:
    """Those that a cell can be moved in."""
    for way in (OURS, *HAND):
        old = way.startswith("zstd") and not cell.release
        forbidden = way == "post-copy" and not cell.post_copy
        # They are for guests that write, of which only what was written is sent again.
        idle = way in {"XBZRLE", "auto-converge"} and bool(cell.workload.rest)
        if not (old or forbidden or idle) and (chosen is None or way in chosen):
            yield way


def ours(lab: Lab, guest: LabGuest, cell: Cell, xml: str) -> tuple[float, float]:
    """By default, with a deadline and what the cell allows: when it began and when it was over.

    In a process of its own, since a process remembers what links carry. One that is to know this link moves
    another guest over it before.
    """
    order = {"destination": lab.hosts[1].uri, "source": lab.hosts[0].uri, "post_copy": cell.post_copy}
    moves = [{"uuid": guest.uuid, "xml": xml, "bandwidth": cell.bandwidth}]
    teacher = lab.start_guest("teacher", memory=128, workload=filled(128)) if cell.learnt else None
    if teacher:
        moves.insert(0, {"uuid": teacher.uuid, "xml": "", "bandwidth": 0})
        text = teacher.domain(lab.hosts[0]).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
        moves[0]["xml"] = teacher.xml_for(lab.hosts[0], lab.hosts[1], text)
    command = [sys.executable, __file__, "--move", json.dumps(order | {"moves": moves})]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *said, times = done.stdout.splitlines()
    for line in said:
        print(f"    {line}")
    if teacher:
        lab.remove_guest(teacher)
    start, end = json.loads(times)
    return start, end


def move(order: dict[str, Any]) -> None:
    """What the other process does: says what was decided, and last when the last move began and ended."""
    start = 0.0
    for one in order["moves"]:
        intent = Convergence(max_downtime=MAX_DOWNTIME, deadline=LIMIT, post_copy=order["post_copy"])
        params = build_migrate_params(
            one["xml"], destination=order["destination"], bandwidth=one["bandwidth"]
        )
        guest = Guest.open(one["uuid"], uri=order["source"])
        start = time.time()
        try:
            decisions = guest.start_migration(params, convergence=intent).result().decisions
        except MigrationError as error:
            print(f"ours: {error}")
        else:
            for decision in decisions:
                print(f"{decision.at:.2f} s  {decision}")
    print(json.dumps([start, time.time()]))


def by_hand(lab: Lab, guest: LabGuest, cell: Cell, xml: str, way: str) -> None:
    """With virsh."""
    definition = lab.hosts[0].folder / "moved.xml"
    definition.write_text(xml)
    limit = ("--bandwidth", str(cell.bandwidth)) if cell.bandwidth else ()
    command = [
        *("virsh", "-q", "-c", lab.hosts[0].uri, "migrate", guest.uuid, lab.hosts[1].uri),
        *("--live", "--p2p", "--persistent", "--undefinesource"),
        *("--xml", str(definition), "--persistent-xml", str(definition), *limit, *HAND[way]),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as virsh:
        try:
            _, said = virsh.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            guest.domain(lab.hosts[0]).abortJob()
            _, said = virsh.communicate()
    if virsh.returncode:
        print(f"    {way}: {said.strip()}")


def measure(lab: Lab, cell: Cell, way: str) -> Measured:
    """One migration."""
    source, destination = lab.hosts
    guest = lab.start_guest("bench", memory=cell.memory, workload=cell.workload)
    xml = guest.xml_for(source, destination, guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
    before, since = guest.beats.passes, time.time()
    time.sleep(0.5)
    pace = (guest.beats.passes - before) / (time.time() - since)
    if cell.link:
        faults.slow(source, cell.link * 1000)
    start, passes = time.time(), guest.beats.passes
    if way == OURS:
        began, end = ours(lab, guest, cell, xml)
        # What the guest did before: the other process had to begin, and to move others.
        passes, start = passes + int(pace * (began - start)), began
    else:
        by_hand(lab, guest, cell, xml, way)
        end = time.time()
    if cell.link:
        faults.unslow(source)
    arrived = any(domain.UUIDString() == guest.uuid for domain in destination.connection().listAllDomains())
    sent = 0
    if arrived:
        stats = guest.domain(destination).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        sent = stats.get("data_processed", 0)
    done = guest.beats.passes - passes
    lost = max(0.0, (end - start) - done / pace) if pace and not cell.workload.rest else 0.0
    if arrived:
        guest.beats.wait_for_passes()
    pause = guest.beats.longest_gap(start, end)
    if not guest.beats.is_intact():
        raise SystemExit(f"{way}, {cell}: the guest lost memory")
    lab.remove_guest(guest)
    return Measured(end - start if arrived else LIMIT, pause, sent, lost)


def run(cells: list[Cell], rounds: int, chosen: set[str] | None, kept: Kept) -> None:
    """All cells, a lab for each release."""
    for release in sorted({cell.release for cell in cells}):
        if release and releases.find(release) is None:
            print(f"{release} is not here: make matrix gets it. Its cells are left out.")
            continue
        with Lab(f"autopilot-{os.getpid()}", releases=[release] * 2) as lab:
            for host in lab.hosts:
                # A daemon that has just begun runs QEMU once, to see what it has: that is no cell's time.
                host.connection().getVersion()
            for cell in (cell for cell in cells if cell.release == release):
                for turn in range(rounds):
                    # Whoever comes second is not always the same.
                    for way in list(ways(cell, chosen))[:: -1 if turn % 2 else 1]:
                        one = measure(lab, cell, way)
                        kept.add(str(cell), way, one)
                        print(
                            f"  {cell}, {way}: {one.took:.2f} s, pause {one.pause * 1000:.0f} ms, "
                            f"{one.sent / 1e6:.0f} MB, {one.lost:.1f} s of work lost",
                            flush=True,
                        )


def table(results: dict[str, dict[str, Result]]) -> list[str]:
    """The rows of the page, and what is aimed at."""
    rows = [
        "| guest and link | ours | pause | sent | best by hand | | ours / best |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    ratios = []
    for name, found in results.items():
        if OURS not in found:
            continue
        hand = {way: result for way, result in found.items() if way != OURS}
        keeping = {way: result for way, result in hand.items() if result.keeps()}
        mine = found[OURS]
        took, pause, sent = mine.median("took"), mine.median("pause") * 1000, mine.median("sent") / 1e6
        # libvirt 9.0 tells no bytes of a post-copy.
        moved = f"{sent:.0f} MB" if sent else "not told"
        row = f"| {name} | {took:.1f} s | {pause:.0f} ms | {moved} | "
        if keeping:
            way = min(keeping, key=lambda way: keeping[way].median("took"))
            ratios.append(took / keeping[way].median("took"))
            rows.append(row + f"{way} | {keeping[way].median('took'):.1f} s | {ratios[-1]:.2f} |")
        else:
            rows.append(row + "none keeps the pause | | |")
    if ratios:
        mean = statistics.geometric_mean(ratios)
        rows += ["", f"Geometric mean {mean:.2f} (aim: {MEAN}), the worst {max(ratios):.2f} (aim: {WORST})."]
    return rows


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--ways", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--move", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    libvirt.registerErrorHandler(lambda *_: None, None)
    if asked.move:
        move(json.loads(asked.move))
        return
    cells = [cell for cell in CELLS if asked.only in str(cell) and (cell.quick or not asked.quick)]
    chosen = {OURS, *asked.ways.split(",")} if asked.ways else None
    kept = Kept(asked.json)
    run(cells, (1 if asked.quick else 3) if asked.rounds is None else asked.rounds, chosen, kept)
    rows = table(kept.cells)
    print("\n" + "\n".join(rows))
    if asked.page:
        text = PAGE.read_text()
        put = "\n".join([BEGIN, *rows, END])
        PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: put, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
