"""`Guest.migrate` against libvirt-python's `migrateToURI3`: the same guest, the same parameters, by turns."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import libvirt

from libvirt_migrate import Guest, MigrateParams, build_migrate_params
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

#: Moves of each kind.
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
AIM = 1.02


def ours(domain: Any, params: MigrateParams) -> None:
    """This package."""
    Guest(domain).migrate(params)


def theirs(domain: Any, params: MigrateParams) -> None:
    """libvirt-python, with the parameters built beforehand."""
    domain.migrateToURI3(params.destination, params=dict(params), flags=int(params.flags))


def move(
    guest: LabGuest, source: Host, destination: Host, how: Callable[[Any, MigrateParams], None]
) -> float:
    """Moves the guest; returns the seconds that the call took."""
    domain = guest.domain(source)
    xml = guest.xml_for(source, destination, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
    params = build_migrate_params(xml, destination=destination.uri)
    start = time.perf_counter()
    how(domain, params)
    return time.perf_counter() - start


def main() -> None:
    """Runs the comparison."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    with Lab(f"bench-{os.getpid()}") as lab:
        guest = lab.start_guest("bench", workload=Workload(working_set=8, rest=20))
        here, there = lab.hosts
        for turn in range(2 * ROUNDS + 2):
            # Each kind as often in the one direction as in the other, and each first as often as second.
            how = (ours, theirs)[(turn + turn // 2) % 2]
            took = move(guest, here, there, how)
            here, there = there, here
            if turn >= 2:
                times[how.__name__].append(took)
        intact = guest.beats.is_intact()
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["ours"] / medians["theirs"]
    print(
        f"Guest.migrate {medians['ours'] * 1000:.0f} ms; migrateToURI3 {medians['theirs'] * 1000:.0f} ms; "
        f"medians of {ROUNDS} each by turns; ratio {ratio:.3f} (aim: {AIM} at most); "
        f"memory {'intact' if intact else 'LOST'}"
    )


if __name__ == "__main__":
    main()
