"""What belongs to a guest beside its definitions comes along, on real hosts: autostart and checkpoints."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import StartGuest
from helpers.lab_moves import DEFAULT, F, assert_arrived, params_for
from libvirt_migrate import Guest, Outcome
from libvirt_migrate.lab import Host, LabGuest


def move(guest: LabGuest, hosts: tuple[Host, Host], flags: Any = DEFAULT) -> Outcome:
    return Guest(guest.domain(hosts[0])).start_migration(params_for(guest, hosts, flags=flags)).result()


def actions(outcome: Outcome) -> list[str]:
    return [decision.action for decision in outcome.decisions]


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_autostart_is_as_it_was(start_guest: StartGuest, hosts: tuple[Host, Host], on: bool) -> None:
    guest = start_guest()
    guest.domain(hosts[0]).setAutostart(on)
    # A definition of earlier times, with the opposite.
    stale = hosts[1].connection().defineXML(guest.xml_for(*hosts, guest.xml))
    stale.setAutostart(not on)
    outcome = move(guest, hosts)
    assert_arrived(guest, hosts)
    assert guest.domain(hosts[1]).autostart() == on
    assert "set-autostart" in actions(outcome)
    assert outcome.left_behind == ()


def test_nothing_is_told_of_a_guest_that_has_nothing(
    start_guest: StartGuest, hosts: tuple[Host, Host]
) -> None:
    guest = start_guest()
    outcome = move(guest, hosts)
    assert_arrived(guest, hosts)
    assert not {"set-autostart", "redefine-checkpoints"} & {*actions(outcome)}
    assert outcome.left_behind == ()


def test_what_cannot_come_along_is_told(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    guest.domain(hosts[0]).setAutostart(True)
    outcome = move(guest, hosts, F.LIVE | F.PEER2PEER)
    kept, transient = outcome.left_behind
    assert kept.startswith("autostart: the source keeps the definition and starts the guest by itself")
    assert transient.startswith("autostart: the destination keeps no definition of the guest")
    assert outcome.to_dict()["left_behind"] == [kept, transient]
    guest.domain(hosts[0]).undefine()


def test_checkpoints_are_defined_at_the_destination(
    start_guest: StartGuest, hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "16M"], check=True)
    guest = start_guest(
        devices=f"<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>"
        f"<source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"
    )
    domain = guest.domain(hosts[0])
    for name in ("one", "two", "three"):
        domain.checkpointCreateXML(f"<domaincheckpoint><name>{name}</name></domaincheckpoint>")
    outcome = move(guest, hosts, DEFAULT | F.UNSAFE)
    assert_arrived(guest, hosts)
    moved = guest.domain(hosts[1])
    assert sorted(checkpoint.getName() for checkpoint in moved.listAllCheckpoints()) == [
        "one",
        "three",
        "two",
    ]
    assert moved.checkpointLookupByName("three").getParent().getName() == "two"
    assert "redefine-checkpoints" in actions(outcome)
    assert outcome.left_behind == ()
    # The disk has what they stand for: a backup since then works, and without them it does not.
    since = tmp_path / "since.qcow2"
    moved.backupBegin(
        "<domainbackup><incremental>two</incremental><disks><disk name='vda' type='file'>"
        f"<target file='{since}'/><driver type='qcow2'/></disk></disks></domainbackup>",
        None,
    )


def test_a_recovered_guest_has_what_belongs_to_it(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    """Its call has ended without removing the source's definition: as when the caller was killed."""
    guest = start_guest()
    source = guest.domain(hosts[0])
    source.setAutostart(True)
    params = params_for(guest, hosts)
    source.migrateToURI3(params.destination, params=dict(params), flags=int(DEFAULT & ~F.UNDEFINE_SOURCE))
    assert not guest.domain(hosts[1]).autostart()
    outcome = Guest(source).recover(params)
    assert actions(outcome) == ["undefine-source", "set-autostart"]
    assert_arrived(guest, hosts)
    assert guest.domain(hosts[1]).autostart()
