"""Disks that are copied between real hosts: what the guest's disk has at the destination afterwards."""

from __future__ import annotations

import struct
from typing import Any

import libvirt
import pytest

from conftest import StartGuest
from helpers.commands import command
from helpers.images import MIB, SIZE, Images, chain, content_there, disk, pool_of
from helpers.lab_moves import DEFAULT, F, assert_arrived, assert_stayed, params_for
from libvirt_migrate import Guest, MigrationCancelled, Progress
from libvirt_migrate.lab import Host, LabGuest, Workload

IDLE = Workload(working_set=1, rest=20)
Hosts = tuple[Host, Host]
#: Formats of a chain of images, the guest's last.
CHAINS = {
    "raw": ["raw"],
    "qcow2": ["qcow2"],
    "base and overlay": ["qcow2", "qcow2"],
    "raw base and overlay": ["raw", "qcow2"],
    "chain of three": ["raw", "qcow2", "qcow2"],
}


def move(guest: LabGuest, hosts: Hosts, **more: Any) -> None:
    """Moves it, with its disk vda."""
    Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, **{"migrate_disks": ["vda"], **more}))
    assert_arrived(guest, hosts)


@pytest.mark.parametrize("formats", CHAINS.values(), ids=CHAINS.keys())
def test_all_of_a_disk_arrives(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    formats: list[str],
) -> None:
    here, there = images
    name = chain(here, formats)
    expected = here.content(name, formats[-1])
    assert len(set(expected)) > len(formats)
    # What was in the image before is of no importance.
    there.make(name, formats[-1])
    there.write(name, formats[-1], "write -P 0xee 0 8M")
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, formats[-1]))
    move(guest, hosts)
    assert content_there(guest, hosts, formats[-1]) == expected


def test_the_command_copies_all_of_an_overlay(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
) -> None:
    here, there = images
    name = chain(here, ["qcow2", "qcow2"])
    expected = here.content(name, "qcow2")
    there.make(name, "qcow2")
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    done = command("migrate", guest.name, *route, "--copy-storage", "vda")
    assert (done.returncode, done.stderr) == (0, "")
    assert content_there(guest, hosts, "qcow2") == expected


@pytest.mark.parametrize(
    ("kind", "formats"),
    [("file", ["raw"]), ("file", ["qcow2", "qcow2"]), ("volume", ["raw"]), ("volume", ["qcow2"])],
    ids=["raw file", "overlay", "raw volume", "qcow2 volume"],
)
def test_a_pool_makes_the_image(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
    kind: str,
    formats: list[str],
) -> None:
    name = chain(images[0], formats)
    expected = images[0].content(name, formats[-1])
    devices = disk(name, formats[-1])
    if kind == "volume":
        devices = devices.replace("type='file'", "type='volume'")
        devices = devices.replace(f"file='{images[0].path(name)}'", f"pool='images' volume='{name}'")
    with pool_of(hosts[0]), pool_of(hosts[1]):
        guest = start_guest(memory=64, workload=IDLE, devices=devices)
        planned = command("plan", guest.name, *route, "--copy-storage", "vda").stdout
        assert f"is copied; pool images makes the image (8.0 MiB, {formats[-1]})" in planned
        done = command("migrate", guest.name, *route, "--copy-storage", "vda")
        assert (done.returncode, done.stderr) == (0, "")
        assert_arrived(guest, hosts)
        assert content_there(guest, hosts, formats[-1]) == expected


def test_a_disk_whose_definition_names_its_chain(
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest, route: tuple[str, ...]
) -> None:
    here, _ = images
    here.make("before.img", "qcow2")
    here.write("before.img", "qcow2", "write -P 0x33 0 2M")
    expected = here.content("before.img", "qcow2")
    guest = start_guest(memory=64, workload=IDLE, devices=disk("before.img", "qcow2"))
    snapshot = f"""<domainsnapshot><disks><disk name='vda' snapshot='external'>
      <source file='{here.path("vm.img")}'/></disk></disks></domainsnapshot>"""
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
    guest.domain(hosts[0]).snapshotCreateXML(snapshot, flags)
    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE
    assert "before.img" in guest.domain(hosts[0]).XMLDesc(inactive)
    with pool_of(hosts[1]):
        done = command("migrate", guest.name, *route, "--copy-storage", "vda")
    assert (done.returncode, done.stderr) == (0, "")
    # Its next start asks for no more.
    assert "before.img" not in guest.domain(hosts[1]).XMLDesc(inactive)
    assert content_there(guest, hosts, "qcow2") == expected
    guest.domain(hosts[1]).create()
    guest.beats.wait_for_passes(2)


def test_one_is_copied_beside_one_that_is_shared(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    tmp_path: Any,
) -> None:
    here, there = images
    name = chain(here, ["qcow2", "qcow2"])
    expected = here.content(name, "qcow2")
    there.make(name, "qcow2")
    # Every host sees this machine's temporary files.
    shared = tmp_path / "shared.img"
    shared.write_bytes(b"both" * 1024)
    other = disk("x", target="vdb").replace(here.path("x"), str(shared))
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2") + other)
    # libvirt would rather not: the file is on no network file system.
    flags = DEFAULT | F.NON_SHARED_DISK | F.UNSAFE
    params = params_for(guest, hosts, migrate_disks=["vda"], flags=flags)
    migration = Guest(guest.domain(hosts[0])).start_migration(params)
    totals = {progress.disk_total for progress in migration}
    assert migration.result().guest_location == "destination-running"
    # Of one disk; what is written meanwhile is counted again.
    assert SIZE <= max(totals) < SIZE + len(b"both") * 1024
    assert content_there(guest, hosts, "qcow2") == expected
    assert shared.read_bytes() == b"both" * 1024


def numbers(content: bytes) -> list[int]:
    """What the lab's guest has written to the first 128 sectors; one that was torn is an error."""
    found = []
    for at in range(0, 128 * 512, 512):
        (number,) = set(struct.unpack_from("<128I", content, at))
        found.append(number)
    return found


def test_a_disk_that_is_written_to_all_the_while(
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest
) -> None:
    here, there = images
    here.make("vm.img")
    here.write("vm.img", "raw", "write -P 0x5a 1M 7M")
    there.make("vm.img")
    work = Workload(working_set=1, rest=2, disk=True)
    guest = start_guest(memory=64, workload=work, devices=disk("vm.img", target="hda", bus="ide"))
    guest.beats.wait_for_passes(130)
    before = guest.beats.passes
    move(guest, hosts, migrate_disks=["hda"], bandwidth=40)
    # By now the guest has read again each sector that it wrote at the source.
    guest.beats.wait_for_passes(260)
    assert guest.beats.is_intact()
    guest.domain(hosts[1]).destroy()
    content = there.content("vm.img", "raw")
    assert content[MIB:] == b"\x5a" * 7 * MIB
    found = numbers(content)
    assert min(found) > before
    assert sorted(found) == list(range(min(found), min(found) + 128))
    # And those at the source are from before it left.
    assert max(numbers(here.content("vm.img", "raw"))) < max(found)


def copies_disks(progress: Progress) -> bool:
    return progress.phase == "disks" and progress.disk_processed > 0


def test_an_aborted_copy_is_done_again(
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest
) -> None:
    here, there = images
    name = chain(here, ["qcow2", "qcow2"])
    expected = here.content(name, "qcow2")
    there.make(name, "qcow2")
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    slow = params_for(guest, hosts, migrate_disks=["vda"], bandwidth=1)
    migration = Guest(guest.domain(hosts[0])).start_migration(slow)
    next(progress for progress in migration if copies_disks(progress))
    migration.abort()
    with pytest.raises(MigrationCancelled) as caught:
        migration.result()
    assert caught.value.guest_location == "source-running"
    assert_stayed(guest, hosts[0])
    # The half of a disk that is there now is no base for anything.
    move(guest, hosts)
    assert content_there(guest, hosts, "qcow2") == expected
