"""What the tests of the command share: a migration that takes its time, and where a guest is."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from libvirt_migrate.lab import Host, LabGuest

#: A working set that takes for ever at this bandwidth, and no time without it.
SLOW = ("--bandwidth", "1")


def is_at(guest: LabGuest, host: Host) -> bool:
    """Whether the host has the guest, running."""
    domains = host.connection().listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING)
    return any(domain.UUIDString() == guest.uuid for domain in domains)


def assert_runs_at(guest: LabGuest, host: Host) -> None:
    guest.beats.wait_for_passes(2)
    assert guest.beats.is_intact()
    assert is_at(guest, host)


def migrates(guest: LabGuest, host: Host) -> Callable[[], bool]:
    """Whether its memory is being moved away from the host."""
    domain = guest.domain(host)
    return lambda: bool(domain.jobStats().get("memory_processed", 0))
