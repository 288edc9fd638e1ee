"""Many guests at once, between daemons that have as many workers as libvirt gives them.

python -m soak.load PAGE (in tests/); `make load` tells the rest.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import libvirt

from helpers.commands import COMMAND, LISTEN, environment
from helpers.lab_moves import params_for
from libvirt_migrate import Convergence, Guest, MigrationError, where_is
from libvirt_migrate.cli.draining.workers import DEFAULT
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

from .page import replaced

GUESTS = 100
AT_ONCE = 20
#: How long all of them may take, s: one that takes longer is a deadlock, or as good as one.
LONGEST = 600.0
#: How long one may, s: then it is given up, and said.
DEADLINE = 240.0
TITLE = "Many at once"


def few_workers(host: Host) -> None:
    """The daemon has as many as libvirt's settings say where nobody has changed them."""
    host.stop_daemon()
    path = host.folder / "etc" / "libvirtd.conf"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("max_workers")]
    path.write_text("\n".join([*kept, f"max_workers = {DEFAULT}", ""]))
    host.start_daemon()


class Load:
    """The guests, and what is done with them."""

    def __init__(self, lab: Lab, many: int) -> None:
        self.lab = lab
        work = Workload(working_set=4, rest=1000, idle=True)
        began = time.monotonic()
        self.guests = [
            lab.start_guest(f"load{number}", memory=28, workload=work, wait=False) for number in range(many)
        ]
        for guest in self.guests:
            guest.beats.wait_for_passes(timeout=300)
        print(f"{many} guests run after {time.monotonic() - began:.0f} s", flush=True)

    def drained(self, source: Host, destination: Host, jobs: int) -> dict[str, Any]:
        """All of them leave a host by the command."""
        began = time.monotonic()
        words = ("drain", source.uri, "--to", destination.uri, "--jobs", str(jobs), "--json", *LISTEN)
        done = subprocess.run(
            [*COMMAND, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
            env=environment(STATE_DIRECTORY=str(source.folder)),
        )
        events = [json.loads(line) for line in done.stdout.splitlines()]
        ends = [event for event in events if event["event"] == "end"]
        took = [event["total_time"] for event in ends if event.get("total_time")]
        advice = [event["message"] for event in events if event["event"] == "advice"]
        left = {event["guest"]: event["message"] for event in ends if event["result"] != "moved"}
        return self._told(f"drain, --jobs {jobs}", began, took, Counter(left.values()), advice=bool(advice))

    def both_ways(self, at_once: int) -> dict[str, Any]:
        """As many at once from each host to the other."""
        took: list[float] = []
        failed: Counter[str] = Counter()
        # Half of them are where the others are to go.
        here, there = self.lab.hosts
        at = {guest.uuid: self.host_of(guest) for guest in self.guests}
        moving = [guest for guest in self.guests if at[guest.uuid] is here][:at_once]
        moving += [guest for guest in self.guests if at[guest.uuid] is there][:at_once]
        began = time.monotonic()

        def move(guest: LabGuest) -> None:
            source = at[guest.uuid]
            destination = there if source is here else here
            ours = Guest.open(guest.uuid, source.uri)
            try:
                params = params_for(guest, (source, destination))
                took.append(ours.migrate(params, convergence=Convergence(deadline=DEADLINE)).total_time)
            except MigrationError as error:
                failed[str(error).splitlines()[0]] += 1

        threads = [threading.Thread(target=move, args=(guest,), daemon=True) for guest in moving]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, began + LONGEST - time.monotonic()))
        failed["no end"] += sum(thread.is_alive() for thread in threads)
        return self._told(f"{at_once} each way at once", began, took, +failed)

    def host_of(self, guest: LabGuest) -> Host:
        """Where it runs; it has to run at one of them, and count."""
        found = where_is(guest.uuid, [host.uri for host in self.lab.hosts])
        assert found.state == "running", (guest.name, found)
        return next(host for host in self.lab.hosts if host.uri == found.host)

    def _told(
        self, name: str, began: float, took: list[float], failed: Counter[str], *, advice: bool = False
    ) -> dict[str, Any]:
        seconds = time.monotonic() - began
        for guest in self.guests:
            self.host_of(guest)
            guest.beats.wait_for_passes(2, timeout=120)
            assert guest.beats.is_intact(), guest.name
        row = {
            "name": name,
            "moved": len(took),
            "seconds": seconds,
            "median": statistics.median(took) if took else None,
            "longest": max(took, default=None),
            "failed": dict(failed),
            "advice": advice,
        }
        print(json.dumps(row), flush=True)
        return row


def section(rows: list[dict[str, Any]], many: int) -> str:
    """Its part of the page."""
    lines = [
        "| | moved | took | one: median | longest | warned of | failed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        failed = ", ".join(f"{count}: {text}" for text, count in row["failed"].items()) or "none"
        one, longest = (
            "-" if row[which] is None else f"{row[which]:.1f} s" for which in ("median", "longest")
        )
        lines.append(
            f"| {row['name']} | {row['moved']} | {row['seconds']:.0f} s | {one} | {longest} "
            f"| {'yes' if row['advice'] else 'no'} | {failed} |"
        )
    return "\n".join(
        [
            f"\n## {TITLE}\n",
            f"`make load` ([tests/soak/load.py](../tests/soak/load.py)) has {many} guests on one of two",
            f"hosts, whose daemons have {DEFAULT} workers, the default. After each step all of them run, and",
            "have counted right.\n",
            *lines,
            "",
        ]
    )


def main(page: str, many: str = str(GUESTS)) -> int:
    """The command."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    with Lab(f"load-{os.getpid()}") as lab:
        for host in lab.hosts:
            few_workers(host)
        load = Load(lab, int(many))
        here, there = lab.hosts
        rows = [
            load.drained(here, there, AT_ONCE),
            load.drained(there, here, AT_ONCE - 2),
        ]
        for guest in load.guests[: len(load.guests) // 2]:
            _move(guest, here, there)
        rows.append(load.both_ways(AT_ONCE // 2))
        rows.append(load.both_ways(AT_ONCE))
    replaced(Path(page), TITLE, section(rows, int(many)))
    return 1 if any("no end" in row["failed"] for row in rows) else 0


def _move(guest: LabGuest, source: Host, destination: Host) -> None:
    Guest.open(guest.uuid, source.uri).migrate(params_for(guest, (source, destination)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
