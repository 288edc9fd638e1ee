"""A guest that is paused while its migration has begun and libvirt has not looked yet whether it runs.

While the daemons are being connected there is a job already. One that is paused then is moved as a guest that
had stood still before, and stands still at the destination.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from conftest import StartGuest
from libvirt_migrate import Convergence, Guest, Migration, build_migrate_params
from libvirt_migrate.lab import Host, LabGuest, faults

libvirt = pytest.importorskip("libvirt")
pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def guest(source: Host, destination: Host, start_guest: StartGuest) -> Iterator[LabGuest]:
    """At a source whose daemon cannot reach the destination's until it is healed."""
    yield start_guest(memory=64)
    faults.heal(source)


def start(guest: LabGuest, source: Host, destination: Host) -> Migration:
    faults.drop(source, faults.CONTROL, peer=destination.address)
    xml = guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    params = build_migrate_params(guest.xml_for(source, destination, xml), destination=destination.uri)
    convergence = Convergence(max_downtime=0.01)
    migration = Guest(guest.domain(source)).start_migration(params, convergence=convergence)
    until = time.monotonic() + 10
    while not any(step.action == "set-max-downtime" for step in migration.decisions):
        assert time.monotonic() < until, "there is no job"
        time.sleep(0.02)
    return migration


def test_a_force_waits_until_libvirt_has_looked(source: Host, destination: Host, guest: LabGuest) -> None:
    migration = start(guest, source, destination)
    migration.force_complete()
    assert guest.domain(source).state()[0] == libvirt.VIR_DOMAIN_RUNNING
    faults.heal(source)
    outcome = migration.result(60)
    assert "pause" in [step.action for step in migration.decisions]
    assert outcome.guest_location == "destination-running"
    assert guest.domain(destination).state()[0] == libvirt.VIR_DOMAIN_RUNNING
    guest.beats.wait_for_passes()


def test_where_somebody_else_pauses_it_the_destination_says_how_it_arrived(
    source: Host, destination: Host, guest: LabGuest
) -> None:
    migration = start(guest, source, destination)
    guest.domain(source).suspend()
    faults.heal(source)
    assert migration.result(60).guest_location == "destination-paused"
    assert guest.domain(destination).state()[0] == libvirt.VIR_DOMAIN_PAUSED
