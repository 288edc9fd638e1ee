"""The bug and the cure on a real guest: `python -m libvirt_migrate.lab.demo`, or `make demo`.

Launchpad bug 1890501: a guest is migrated with a changed definition, but without a persistent one. It runs,
and the next start brings back the source's devices and addresses, or nothing at all.
"""

from __future__ import annotations

import os
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import Guest, MigrateFlags, MigrationError, build_migrate_params
from . import Host, Lab, LabGuest, Workload

FLAGS = MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.PERSIST_DEST | MigrateFlags.UNDEFINE_SOURCE


@dataclass(frozen=True)
class Result:
    """What became of one guest. Addresses are those at which its display listens."""

    how: str
    live: str
    persistent: str
    restarted: str
    #: Whether the guest runs after the restart, at the destination's address.
    right: bool
    #: The longest silence of the guest while it moved, in seconds.
    pause: float
    intact: bool


def migrate_raw(domain: Any, xml: str, destination: Host) -> None:
    """libvirt's own call with a changed definition, as Nova made it before the bug was found."""
    domain.migrateToURI3(destination.uri, {"destination_xml": xml}, int(FLAGS))


def migrate_with_this_package(domain: Any, xml: str, destination: Host) -> None:
    """The same with this package."""
    Guest(domain).migrate(build_migrate_params(xml, destination=destination.uri))


def listen_address(domain: Any, flags: int = 0) -> str:
    """Where the guest's display listens by one of its definitions."""
    # The document comes from libvirt, which wrote it itself.
    graphics = ElementTree.fromstring(domain.XMLDesc(flags)).find("devices/graphics")  # noqa: S314
    return "" if graphics is None else graphics.get("listen", "")


def restart(guest: LabGuest, destination: Host) -> tuple[str, bool]:
    """Stops and starts the guest, as a soft reboot does; tells how that went, and whether it is right."""
    import libvirt

    domain = guest.domain(destination)
    domain.destroy()
    guest.beats.forget()
    try:
        domain.create()
        guest.beats.wait_for_passes()
    except (libvirt.libvirtError, MigrationError) as error:
        return f"fails: {_reason(str(error))}", False
    address = listen_address(domain)
    return f"runs, {address}", address == destination.address


def _reason(message: str) -> str:
    """The last and most exact part of QEMU's message."""
    return message.strip().splitlines()[-1].rpartition(": ")[2]


def move(lab: Lab, name: str, how: Callable[[Any, str, Host], None]) -> Result:
    """Starts a guest, moves it in one of the two ways, and looks at what the destination has of it."""
    import libvirt

    source, destination = lab.hosts
    print(
        f"==> {name}: a guest at {source.address} whose display listens there; it is moved by {how.__name__}"
    )
    guest = lab.start_guest(name, memory=256, workload=Workload(working_set=64))
    domain = guest.domain(source)
    xml = guest.xml_for(source, destination, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
    start = time.time()
    how(domain, xml, destination)
    pause = guest.beats.longest_gap(start, time.time())
    guest.beats.wait_for_passes(2)
    moved = guest.domain(destination)
    live, kept = listen_address(moved), listen_address(moved, libvirt.VIR_DOMAIN_XML_INACTIVE)
    intact = guest.beats.is_intact()
    print(f"    moved in {time.time() - start:.1f} s; stopping and starting it at {destination.address}")
    restarted, right = restart(guest, destination)
    return Result(name, live, kept, restarted, right, pause, intact)


def show(results: list[Result]) -> None:
    """Prints the table."""
    head = ("guest", "live", "persistent", "after restart", "pause", "memory")
    rows = [
        (
            r.how,
            r.live,
            r.persistent,
            r.restarted,
            f"{r.pause * 1000:.0f} ms",
            "intact" if r.intact else "LOST",
        )
        for r in results
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def verdict(bug: Result, cure: Result, source: str, destination: str) -> list[str]:
    """What did not come out as it should."""
    wrong = []
    if (bug.live, bug.persistent) != (destination, source) or bug.right:
        wrong.append("the bug was not seen: this libvirt kept the destination's definition by itself")
    if (cure.live, cure.persistent) != (destination, destination) or not cure.right:
        wrong.append("the cure did not work")
    if not (bug.intact and cure.intact):
        wrong.append("a guest lost memory")
    return wrong


def main() -> int:
    """Shows both, and answers 0 if both came out as they should."""
    import libvirt

    libvirt.registerErrorHandler(lambda *_: None, None)
    print("==> a lab of two libvirt hosts")
    try:
        with Lab(f"demo-{os.getpid()}") as lab:
            source, destination = (host.address for host in lab.hosts)
            bug = move(lab, "bug", migrate_raw)
            cure = move(lab, "cure", migrate_with_this_package)
    except (MigrationError, libvirt.libvirtError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"\nthe source is {source}, the destination {destination}\n")
    show([bug, cure])
    wrong = verdict(bug, cure, source, destination)
    print()
    for problem in wrong:
        print(f"NOT AS IT SHOULD BE: {problem}")
    if not wrong:
        print("Without a persistent definition the destination kept the source's. With both it is right.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
