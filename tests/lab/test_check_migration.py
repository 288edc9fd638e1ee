"""`Guest.check_migration`, and what else is asked beforehand, at real daemons: true, and without a trace."""

from __future__ import annotations

import libvirt
import pytest

from conftest import StartGuest
from helpers.lab_moves import DEFAULT, F, assert_arrived, assert_stayed, params_for
from libvirt_migrate import Guest, InvalidParameter, LibvirtError, build_migrate_params
from libvirt_migrate import Host as Daemon
from libvirt_migrate.lab import Host, LabGuest

Hosts = tuple[Host, Host]
STEPS = DEFAULT & ~F.PEER2PEER


def opened(guest: LabGuest, host: Host) -> Guest:
    return Guest.open(guest.uuid, host.uri)


@pytest.mark.parametrize("flags", [DEFAULT, STEPS])
def test_it_leaves_no_trace(start_guest: StartGuest, hosts: Hosts, flags: F) -> None:
    source, destination = hosts
    guest = start_guest()
    params = params_for(guest, hosts)
    before = guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    for _ in range(3):
        opened(guest, source).check_migration(params, flags=flags)
    assert_stayed(guest, source)
    domain = guest.domain(source)
    assert domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == before
    assert domain.jobStats() == {"type": 0}
    assert domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED) == {"type": 0}
    assert guest.uuid not in [there.UUIDString() for there in destination.connection().listAllDomains()]
    # What it has answered is so.
    opened(guest, source).migrate(params)
    assert_arrived(guest, hosts)


@pytest.mark.parametrize("flags", [DEFAULT, STEPS])
def test_it_says_what_libvirt_refuses(start_guest: StartGuest, hosts: Hosts, flags: F) -> None:
    source, destination = hosts
    guest = start_guest()
    xml = params_for(guest, hosts)["destination_xml"]
    another = build_migrate_params(xml.replace("<vcpu placement='static'>1<", "<vcpu placement='static'>2<"))
    assert another["destination_xml"] != xml
    with pytest.raises(LibvirtError, match="does not match source"):
        opened(guest, source).check_migration(another, destination=destination.uri, flags=flags)
    disks = build_migrate_params(xml, migrate_disks="vdq")
    with pytest.raises(LibvirtError, match="vdq"):
        opened(guest, source).check_migration(disks, destination=destination.uri)


def test_a_paused_guest_stays_paused(start_guest: StartGuest, hosts: Hosts) -> None:
    source, _ = hosts
    guest = start_guest()
    guest.domain(source).suspend()
    for flags in (DEFAULT, STEPS):
        opened(guest, source).check_migration(params_for(guest, hosts), flags=flags)
    assert str(opened(guest, source).state).startswith("paused")


def test_what_cannot_be_asked(start_guest: StartGuest, hosts: Hosts) -> None:
    source, destination = hosts
    guest = start_guest()
    params = params_for(guest, hosts)
    with pytest.raises(LibvirtError, match="over a tunnel") as found:
        opened(guest, source).check_migration(params, flags=DEFAULT | F.TUNNELLED)
    assert found.value.code == 3
    with pytest.raises(InvalidParameter, match="destination"):
        opened(guest, source).check_migration({})
    closed = f"qemu+tcp://{destination.address}:16510/system"
    for flags in (DEFAULT, STEPS):
        with pytest.raises(LibvirtError, match="Connection refused"):
            opened(guest, source).check_migration(params, destination=closed, flags=flags)


def test_what_is_kept(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest()
    found = opened(guest, source)
    assert (found.snapshot_count, found.checkpoint_count, found.has_managed_save) == (0, 0, False)
    with pytest.raises(LibvirtError, match="vdq"):
        found.has_block_job("vdq")
    guest.domain(source).managedSave()
    assert found.has_managed_save
    guest.domain(source).managedSaveRemove()


def test_libvirts_default_has_a_uri(source: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", source.uri)
    assert Daemon.open().uri == Daemon.open(source.uri).uri == source.uri
