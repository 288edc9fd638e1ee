"""`Guest.forecast` of real guests: what is measured, what is learnt, and what cannot be known."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import libvirt
import pytest

from conftest import StartGuest
from helpers.lab_moves import params_for
from libvirt_migrate import Convergence, Guest, InvalidParameter, LibvirtError
from libvirt_migrate.lab import Host, Workload, faults

MIB = 1 << 20
IDLE = Workload(working_set=4, rest=50)


def test_a_guest_is_measured(start_guest: StartGuest, source: Host, destination: Host) -> None:
    busy = start_guest(memory=256, workload=Workload(working_set=80))
    told = Guest(busy.domain(source)).forecast(destination.uri, link=50 * MIB)
    assert [after for after, _ in told.dirtied] == [1.0, 1.0, 3.0]
    # QEMU samples 128 pages of such a guest, and a busy host may have it write less.
    assert 30 < max(found for _, found in told.dirtied) / MIB < 160
    # What it never wrote to is not sent.
    assert 60 * MIB < told.memory < 200 * MIB
    assert not told.forecast.ends
    assert {"post_copy": True} in told.forecast.helps
    by_post_copy = Guest(busy.domain(source)).forecast(link=50 * MIB, convergence=Convergence(post_copy=True))
    assert by_post_copy.forecast.post_copy
    assert (by_post_copy.link, by_post_copy.link_from) == (50 * MIB, "given")


def test_a_link_is_learnt_from_a_migration(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(memory=192, workload=Workload(working_set=100, rest=3000))
    other = start_guest(memory=128, workload=IDLE)
    faults.slow(source, 400_000)
    try:
        Guest(guest.domain(source)).migrate(params_for(guest, (source, destination)))
    finally:
        faults.unslow(source)
    told = Guest(other.domain(source)).forecast(destination.uri)
    assert told.link_from == "learnt"
    assert told.link
    # 48 MiB/s, and less where the hosts are busy; what is sent first goes into buffers.
    assert 5 * MIB < told.link < 80 * MIB
    assert told.forecast.ends
    assert len(told.by_link) == 1


def test_what_cannot_be_known_fails_nothing(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest(memory=128, workload=IDLE)
    domain = guest.domain(source)
    unknown = Guest(domain).forecast()
    assert unknown.link is None
    assert [link for link, _ in unknown.by_link] == [125e6, 1250e6, 3125e6]
    assert ["link" in what for what in unknown.unknown] == [True]
    # An object that only has some of a domain's methods.
    proxy = Mock(spec=["name", "UUIDString", "state", "XMLDesc", "migrateToURI3", "jobStats"])
    for name in ("name", "UUIDString", "state", "XMLDesc", "jobStats"):
        getattr(proxy, name).side_effect = getattr(domain, name)
    told = Guest(proxy).forecast(link=125e6)
    assert told.dirtied == []
    assert told.memory == 128 * MIB
    assert any("how fast the guest writes" in what for what in told.unknown)
    assert told.forecast.sure < 1 or told.forecast.ends


def test_a_paused_guest_writes_nothing(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest(memory=128, workload=Workload(working_set=40))
    domain = guest.domain(source)
    domain.suspend()
    told = Guest(domain).forecast(link=125e6)
    assert {found for _, found in told.dirtied} == {0.0}
    assert told.forecast.ends
    domain.resume()
    domain.destroy()
    with pytest.raises(LibvirtError, match="shut off"):
        Guest(domain).forecast(link=125e6)


@pytest.mark.parametrize(
    "wrong", [{"link": 0}, {"link": float("nan")}, {"disks": -1}, {"destination": "no uri"}]
)
def test_what_is_no_figure_is_refused_before_anything_is_measured(
    start_guest: StartGuest, source: Host, wrong: dict[str, Any]
) -> None:
    guest = start_guest(memory=64)
    domain = guest.domain(source)
    with pytest.raises(InvalidParameter, match=next(iter(wrong))):
        Guest(domain).forecast(**wrong)
    stats = domain.connect().domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE)
    assert "dirtyrate.megabytes_per_second" not in stats[0][1]
