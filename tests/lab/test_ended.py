"""A guest that ends while it moves: both hosts say that it runs nowhere, and so it is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import libvirt
import pytest

from conftest import StartGuest
from helpers.lab_moves import DEFAULT, F, params_for, wait_for_job
from libvirt_migrate import Convergence, Guest, Migration, MigrationFailed, where_is
from libvirt_migrate.lab import Host, LabError, LabGuest, Workload

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

Hosts = tuple[Host, Host]
LINUX: dict[str, Any] = {"system": "linux", "workload": Workload(working_set=8, rest=10)}
POWER_OFF = "(sleep 0.3; poweroff -f) >/dev/null 2>&1 &"


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def begun(guest: LabGuest, hosts: Hosts, **more: Any) -> Migration:
    """A migration that takes as long as it is let."""
    domain = guest.domain(hosts[0])
    params = params_for(guest, hosts, bandwidth=1, **more)
    migration = Guest(domain).start_migration(params, convergence=Convergence(max_downtime=0.01))
    wait_for_job(domain)
    return migration


def in_post_copy(guest: LabGuest, hosts: Hosts) -> Migration:
    """A migration whose guest runs at the destination, with most of its memory at the source."""
    migration = begun(guest, hosts, flags=DEFAULT | F.POSTCOPY, bandwidth_postcopy=1)
    migration.force_complete()
    until(
        lambda: (
            [guest.domain(host).state()[0] for host in hosts]
            == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_RUNNING]
        ),
        "post-copy",
    )
    return migration


def told(migration: Migration) -> MigrationFailed:
    with pytest.raises(MigrationFailed) as caught:
        migration.result(timeout=90)
    return caught.value


def test_one_that_is_destroyed_at_the_source(start_guest: StartGuest, hosts: Hosts) -> None:
    guest = start_guest()
    migration = begun(guest, hosts)
    guest.domain(hosts[0]).destroy()
    assert told(migration).guest_location == "source-shut-off"
    found = where_is(guest.uuid, [host.uri for host in hosts])
    assert (found.state, found.host) == ("shut off", hosts[0].uri)


def test_one_that_powers_itself_off_in_pre_copy(start_guest: StartGuest, hosts: Hosts) -> None:
    guest = start_guest(**LINUX)
    migration = begun(guest, hosts)
    guest.run(hosts[0], POWER_OFF)
    error = told(migration)
    assert error.guest_location == "source-shut-off", error
    assert guest.domain(hosts[0]).state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN]


def test_one_that_powers_itself_off_in_post_copy(start_guest: StartGuest, hosts: Hosts) -> None:
    """One whose memory the emulator has lost (docs/lab.md) falls silent: another one is tried."""
    lost: list[str] = []
    while len(lost) < 3:
        guest = start_guest(**LINUX)
        migration = in_post_copy(guest, hosts)
        try:
            guest.run(hosts[1], POWER_OFF, timeout=40)
            break
        except LabError as silence:
            lost.append(str(silence))
            guest.domain(hosts[1]).destroy()
            told(migration)
    assert len(lost) < 3, lost
    error = told(migration)
    assert error.guest_location == "post-copy-broken", error
    assert "was shut down or destroyed at the destination" in error.message
    states = [guest.domain(host).state() for host in hosts]
    assert states[1] == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN], states
    with pytest.raises(MigrationFailed, match="destroy it there, do not resume it"):
        Guest(guest.domain(hosts[0])).recover(destination=hosts[1].uri)
    # The advice holds.
    guest.domain(hosts[0]).destroy()
    guest.domain(hosts[0]).undefine()
    guest.domain(hosts[1]).create()
    assert where_is(guest.uuid, [host.uri for host in hosts]).host == hosts[1].uri
