"""Disks that are copied between real hosts: what the guest's disk has at the destination afterwards."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands import command
from conftest import StartGuest
from images import MIB, SIZE, Images, chain, disk, pool_of
from lab_moves import DEFAULT, F, assert_arrived, assert_stayed, params_for
from libvirt_migrate import Guest, InvalidParameter, MigrationCancelled, MigrationFailed, Progress
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


@pytest.fixture
def images(hosts: Hosts) -> Iterator[tuple[Images, Images]]:
    """The images of both hosts, which are gone after the test."""
    made = Images(hosts[0]), Images(hosts[1])
    yield made
    for each in made:
        each.clear()


@pytest.fixture
def content_there(images: tuple[Images, Images], hosts: Hosts) -> Callable[..., bytes]:
    """What a disk has at the destination, once its guest is ended there."""

    def content(guest: LabGuest, format: str, name: str = "vm.img") -> bytes:
        guest.domain(hosts[1]).destroy()
        return images[1].content(name, format)

    return content


def move(guest: LabGuest, hosts: Hosts, **more: Any) -> None:
    """Moves it, with its disk vda."""
    Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, **{"migrate_disks": ["vda"], **more}))
    assert_arrived(guest, hosts)


@pytest.mark.parametrize("formats", CHAINS.values(), ids=CHAINS.keys())
def test_all_of_a_disk_arrives(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    content_there: Callable[..., bytes],
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
    assert content_there(guest, formats[-1]) == expected


def test_the_command_copies_all_of_an_overlay(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    content_there: Callable[..., bytes],
    route: tuple[str, ...],
) -> None:
    here, there = images
    name = chain(here, ["qcow2", "qcow2"])
    expected = here.content(name, "qcow2")
    there.make(name, "qcow2")
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    done = command("migrate", guest.name, *route, "--copy-storage", "vda")
    assert (done.returncode, done.stderr) == (0, "")
    assert content_there(guest, "qcow2") == expected


@pytest.mark.parametrize(
    ("kind", "formats"),
    [("file", ["raw"]), ("file", ["qcow2", "qcow2"]), ("volume", ["raw"]), ("volume", ["qcow2"])],
    ids=["raw file", "overlay", "raw volume", "qcow2 volume"],
)
def test_a_pool_makes_the_image(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    content_there: Callable[..., bytes],
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
        assert content_there(guest, formats[-1]) == expected


def test_one_is_copied_beside_one_that_is_shared(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    content_there: Callable[..., bytes],
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
    assert content_there(guest, "qcow2") == expected
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
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest, content_there: Callable[..., bytes]
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
    assert content_there(guest, "qcow2") == expected


@pytest.mark.parametrize("format", ["raw", "qcow2"])
@pytest.mark.parametrize(
    ("size", "word"), [(4 * MIB, "smaller"), (9 * MIB, "larger")], ids=["smaller", "larger"]
)
def test_an_image_of_another_size(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
    format: str,
    size: int,
    word: str,
) -> None:
    here, there = images
    name = chain(here, [format])
    there.make(name, format, size)
    there.write(name, format, "write -P 0xee 0 64k")
    before = there.content(name, format)
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, format))
    with pool_of(hosts[1]):
        done = command("migrate", guest.name, *route, "--copy-storage", "vda")
        assert done.returncode == 3
        reason = f"is copied, but the image there is {word}: 8.0 MiB here, {size // MIB}.0 MiB there"
        assert reason in done.stderr
        assert ("--force goes past it" in done.stderr) == (word == "larger")
    with pytest.raises(MigrationFailed, match="different sizes") as caught:
        Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, migrate_disks=["vda"]))
    assert caught.value.guest_location == "source-running"
    assert_stayed(guest, hosts[0])
    assert there.content(name, format) == before


@pytest.mark.parametrize("found", ["nothing", "a file of no pool"])
def test_what_is_in_no_pool(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
    found: str,
    content_there: Callable[..., bytes],
) -> None:
    here, there = images
    name = chain(here, ["qcow2"])
    expected = here.content(name, "qcow2")
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    words = (guest.name, *route, "--copy-storage", "vda")
    if found == "nothing":
        done = command("migrate", *words, "--force")
        assert done.returncode == 3
        made = f"qemu-img create -f qcow2 {there.path(name)} {SIZE}"
        assert f"no active storage pool has /var/lib/libvirt/images: make it there with {made}" in done.stderr
        assert_stayed(guest, hosts[0])
        # As it says.
        hosts[1].run(*made.split())
    else:
        there.make(name, "qcow2")
    assert (
        "are not known: make /var/lib/libvirt/images a storage pool there" in command("plan", *words).stdout
    )
    # One that was made before its pool knew of it.
    with pool_of(hosts[1]) as pool:
        assert "is copied onto the image there (8.0 MiB, qcow2)" in command("plan", *words).stdout
        pool.refresh()
        assert command("migrate", *words).returncode == 0
    assert content_there(guest, "qcow2") == expected


def overlay(images: tuple[Images, Images], *, upon: bool) -> tuple[str, bytes]:
    """A base and an overlay here; there an overlay upon the same base, or an image of its own."""
    here, there = images
    name = chain(here, ["qcow2", "qcow2"])
    if upon:
        there.make("base0.img", "qcow2")
        # What `chain` has written.
        there.write("base0.img", "qcow2", "write -P 0x11 0 2M", f"write -P 0xa0 {7 * MIB} 4096")
    there.make(name, "qcow2", upon=("base0.img", "qcow2") if upon else None)
    return name, here.content(name, "qcow2")


def test_an_incremental_copy_upon_the_same_base(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
    content_there: Callable[..., bytes],
) -> None:
    name, expected = overlay(images, upon=True)
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    with pool_of(hosts[1]):
        words = (guest.name, *route, "--copy-storage-incremental", "vda")
        assert f", upon {images[1].path('base0.img')}" in command("plan", *words).stdout
        done = command("migrate", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert content_there(guest, "qcow2") == expected
    # The base was not copied.
    chained = hosts[1].run("qemu-img", "info", images[1].path(name))
    assert f"backing file: {images[1].path('base0.img')}" in chained


def test_an_incremental_copy_onto_an_image_without_a_base_is_refused(
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest, route: tuple[str, ...]
) -> None:
    name, _ = overlay(images, upon=False)
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    words = (guest.name, *route, "--copy-storage-incremental", "vda")
    # Outside of pools nobody can tell.
    planned = command("plan", *words)
    assert "its size, format and backing file are not known" in planned.stdout
    with pool_of(hosts[1]):
        done = command("migrate", *words, "--force")
        assert done.returncode == 3
        assert (
            "has no backing file of its own: make it with qemu-img create -f qcow2 -b BACKING" in done.stderr
        )
        params = params_for(guest, hosts, migrate_disks=["vda"], flags=DEFAULT | F.NON_SHARED_INC)
        with pytest.raises(
            InvalidParameter, match=r"vda has a backing file, but .* at the destination has none"
        ):
            Guest(guest.domain(hosts[0])).migrate(params)
    assert guest.domain(hosts[0]).jobStats(1) == {"type": 0}
    assert_stayed(guest, hosts[0])


def test_all_are_copied_that_can_be(
    images: tuple[Images, Images],
    hosts: Hosts,
    start_guest: StartGuest,
    route: tuple[str, ...],
    tmp_path: Any,
    content_there: Callable[..., bytes],
) -> None:
    here, there = images
    chain(here, ["raw"])
    here.make("other.img", "qcow2")
    here.write("other.img", "qcow2", "write -P 0x77 3M 1M")
    for name, format in (("vm.img", "raw"), ("other.img", "qcow2")):
        there.make(name, format)
    expected = {
        name: here.content(name, format) for name, format in (("vm.img", "raw"), ("other.img", "qcow2"))
    }
    shared = tmp_path / "shared.img"
    shared.write_bytes(bytes(4096))
    (tmp_path / "fixed.img").write_bytes(bytes(4096))
    devices = (
        disk("vm.img")
        + disk("other.img", "qcow2", "vdb")
        + disk("x", target="vdc", more="<shareable/>").replace(here.path("x"), str(shared))
        + disk("x", target="vdd", more="<readonly/>").replace(here.path("x"), str(tmp_path / "fixed.img"))
        + "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>\n"
    )
    guest = start_guest(memory=64, workload=IDLE, devices=devices)
    for target, reason in {
        "vdc": "vdc is shareable",
        "vdd": "vdd is read-only",
        "hdc": "hdc is a CD-ROM drive",
        "vdz": "the guest has no such disk",
    }.items():
        done = command("migrate", guest.name, *route, "--copy-storage", f"vda,{target}", "--force")
        assert (done.returncode, f"{target} is to be copied, but {reason}" in done.stderr) == (3, True), done
        with pytest.raises(InvalidParameter, match=rf"migrate_disks: .*{target}"):
            Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, migrate_disks=[target]))
    assert_stayed(guest, hosts[0])
    done = command("migrate", guest.name, *route, "--copy-storage", "all", "--unsafe")
    assert (done.returncode, done.stderr) == (0, "")
    assert_arrived(guest, hosts)
    assert content_there(guest, "raw") == expected["vm.img"]
    assert there.content("other.img", "qcow2") == expected["other.img"]
