"""Whole migrations of real guests: this package's default, libvirt's default, and Nova 34's own monitor.

By turns, on fresh guests. Ours and libvirt's take EXTRA times as many turns, since a few of half a second
tell nothing. A migration that is not over after LIMIT seconds is aborted and counted as LIMIT.
The pause is the longest silence that the guest's listener heard. Run it with the Python of a Nova environment
(scripts/nova-venv), since Nova's driver runs in a process of its own.

Usage: engine.py [rounds] [limit in seconds]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libvirt

from libvirt_migrate import Convergence, Guest, MigrationError, build_migrate_params
from libvirt_migrate.lab import Lab, LabGuest, Workload

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
EXTRA = 5
#: What a migration that does not end counts as, in seconds.
LIMIT = float(sys.argv[2]) if len(sys.argv) > 2 else 180.0
#: Nova's default for the pause, which the guest may see in each of the three.
MAX_DOWNTIME = 0.5
TESTS = Path(__file__).parent.parent / "tests" / "nova"


@dataclass(frozen=True)
class Case:
    """One guest and one link."""

    name: str
    memory: int
    workload: Workload
    #: MiB/s; 0 is all that there is.
    bandwidth: int = 0
    post_copy: bool = False
    #: Whether nobody can end it by waiting, so that one round says all.
    endless: bool = False


CASES = [
    Case("idle", 256, Workload(working_set=4, rest=1000)),
    Case("64 MiB dirtied at full speed", 256, Workload(working_set=64)),
    Case("160 MiB dirtied at full speed", 512, Workload(working_set=160)),
    Case("64 MiB, 30 MiB/s, post-copy", 256, Workload(working_set=64), 30, post_copy=True, endless=True),
    Case("64 MiB, 30 MiB/s, no post-copy", 256, Workload(working_set=64), 30, endless=True),
]


@dataclass
class Measured:
    """Seconds, of each way in each case."""

    total: list[float] = field(default_factory=list)
    pause: list[float] = field(default_factory=list)


def params(lab: Lab, guest: LabGuest, case: Case) -> Any:
    """What moves the guest from the first host to the second."""
    source, destination = lab.hosts
    xml = guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    dest_xml = guest.xml_for(source, destination, xml)
    # Post-copy has no limit of its own, as in Nova.
    return build_migrate_params(dest_xml, destination=destination.uri, bandwidth=case.bandwidth)


def ours(lab: Lab, guest: LabGuest, case: Case) -> None:
    """The default policy, with a deadline."""
    intent = Convergence(max_downtime=MAX_DOWNTIME, deadline=LIMIT, post_copy=case.post_copy)
    moved = Guest.open(guest.uuid, uri=lab.hosts[0].uri)
    try:
        moved.start_migration(params(lab, guest, case), convergence=intent).result()
    except MigrationError as error:
        print(f"    ours: {error}")


def default(lab: Lab, guest: LabGuest, case: Case) -> None:
    """libvirt's call and nothing else."""
    connection = libvirt.open(lab.hosts[0].uri)
    domain = connection.lookupByUUIDString(guest.uuid)
    timer = threading.Timer(LIMIT, lambda: guest.domain(lab.hosts[0]).abortJob())
    timer.start()
    try:
        what = params(lab, guest, case)
        domain.migrateToURI3(what.destination, params=dict(what), flags=int(what.flags))
    except libvirt.libvirtError as error:
        print(f"    libvirt: {error}")
    finally:
        timer.cancel()
        timer.join()
        connection.close()


def nova_with(driver: str) -> Callable[[Lab, LabGuest, Case], float]:
    """Nova's driver, the stock one or with this package; answers how long its own call took."""

    def drive(lab: Lab, guest: LabGuest, case: Case) -> float:
        order = {
            "driver": driver,
            "uuid": guest.uuid,
            "source": lab.hosts[0].uri,
            "address": lab.hosts[1].address,
            "memory": case.memory,
            "timeout": LIMIT + 60,
            "options": {
                "libvirt.live_migration_bandwidth": case.bandwidth,
                "libvirt.live_migration_permit_post_copy": case.post_copy,
            },
        }
        timer = threading.Timer(LIMIT, lambda: guest.domain(lab.hosts[0]).abortJob())
        timer.start()
        command = [sys.executable, "-W", "ignore", "-m", "nova_tests.lab.drive", json.dumps(order)]
        environment = os.environ | {"PYTHONPATH": str(TESTS), "OS_NOVA_DISABLE_EVENTLET_PATCHING": "True"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        timer.cancel()
        timer.join()
        return float(json.loads(done.stdout.splitlines()[-1])["elapsed"])

    return drive


WAYS: dict[str, Callable[[Lab, LabGuest, Case], float | None]] = {
    "ours": ours,
    "libvirt": default,
    "Nova 34": nova_with("libvirt.LibvirtDriver"),
    "Nova 34, drop-in": nova_with("libvirt_migrate.LibvirtDriver"),
}


#: Those that are compared closely.
QUICK = ("ours", "libvirt")


def measure(lab: Lab, case: Case, way: str) -> tuple[float, float]:
    """One migration: how long it took, and how long the guest stood still."""
    guest = lab.start_guest("bench", memory=case.memory, workload=case.workload)
    start = time.time()
    took = WAYS[way](lab, guest, case) or time.time() - start
    end = time.time()
    arrived = any(domain.isActive() for domain in lab.hosts[1].connection().listAllDomains())
    if arrived:
        guest.beats.wait_for_passes()
    pause = guest.beats.longest_gap(start, end)
    if not guest.beats.is_intact():
        raise SystemExit(f"{way}, {case.name}: the guest lost memory")
    lab.remove_guest(guest)
    return (took if arrived else LIMIT), pause


def main() -> None:
    """Runs all cases, and prints medians and ratios."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    results = {(case.name, way): Measured() for case in CASES for way in WAYS}
    with Lab(f"bench-{os.getpid()}") as lab:
        for case in CASES:
            for turn in range(1 if case.endless else ROUNDS * EXTRA):
                ways = list(WAYS if turn < ROUNDS else QUICK)
                # Whoever comes second is not always the same.
                for way in ways[:: -1 if turn % 2 else 1]:
                    total, pause = measure(lab, case, way)
                    print(
                        f"  {case.name}, {way}, round {turn + 1}: {total:.2f} s, pause {pause * 1000:.0f} ms"
                    )
                    results[case.name, way].total.append(total)
                    results[case.name, way].pause.append(pause)
    report(results)


def report(results: dict[tuple[str, str], Measured]) -> None:
    """The table, and what the project aims at."""
    print(f"\n{'':32}" + "".join(f"{way:>24}" for way in WAYS))
    for case in CASES:
        cells = [results[case.name, way] for way in WAYS]
        row = [
            f"{statistics.median(c.total):.2f} s, {statistics.median(c.pause) * 1000:.0f} ms" for c in cells
        ]
        print(f"{case.name:32}" + "".join(f"{cell:>24}" for cell in row))

    def ratios(way: str, other: str, cases: list[Case]) -> list[float]:
        return [
            statistics.median(results[c.name, way].total) / statistics.median(results[c.name, other].total)
            for c in cases
        ]

    ended = [case for case in CASES if not case.endless]
    worst = max(ratios("ours", "libvirt", ended))
    print(f"\nslowest against libvirt's default: {worst:.2f} (aim: 1.05 at most)")
    for way in ("ours", "Nova 34, drop-in"):
        faster = statistics.geometric_mean(ratios("Nova 34", way, CASES))
        print(f"{way} against Nova 34: {faster:.1f} times faster in the geometric mean (aim: 5)")
    pause = max(statistics.median(results[case.name, "ours"].pause) for case in CASES)
    print(f"longest pause: {pause * 1000:.0f} ms (stated: {MAX_DOWNTIME * 1000:.0f} ms)")


if __name__ == "__main__":
    main()
