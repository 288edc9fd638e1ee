"""What there has to be for a copied disk, on real hosts: an image of its size, a pool, a backing file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import StartGuest
from helpers.commands import command
from helpers.images import MIB, SIZE, Images, chain, content_there, disk, pool_of
from helpers.lab_moves import DEFAULT, F, assert_arrived, assert_stayed, params_for
from libvirt_migrate import Guest, InvalidParameter, MigrationFailed
from libvirt_migrate import Host as Daemon
from libvirt_migrate.lab import Host, Workload

IDLE = Workload(working_set=1, rest=20)
Hosts = tuple[Host, Host]


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
    assert content_there(guest, hosts, "qcow2") == expected


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
) -> None:
    name, expected = overlay(images, upon=True)
    guest = start_guest(memory=64, workload=IDLE, devices=disk(name, "qcow2"))
    with pool_of(hosts[1]):
        words = (guest.name, *route, "--copy-storage-incremental", "vda")
        assert f", upon {images[1].path('base0.img')}" in command("plan", *words).stdout
        done = command("migrate", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert content_there(guest, hosts, "qcow2") == expected
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
    assert content_there(guest, hosts, "raw") == expected["vm.img"]
    assert there.content("other.img", "qcow2") == expected["other.img"]


#: The blocks of commands for the destination, in docs/getting-started.md.
DOCUMENT = Path(__file__).parents[2] / "docs" / "getting-started.md"


def documented() -> list[str]:
    """They are, in this order: a pool, an image, an image upon a base."""
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    blocks = [block for block in blocks if "libvirt_migrate.lab" not in block]
    assert len(blocks) == 3
    return [f"set -e\n{block}" for block in blocks]


def test_the_documented_commands_make_a_pool_and_images(
    images: tuple[Images, Images], hosts: Hosts, start_guest: StartGuest, route: tuple[str, ...]
) -> None:
    pool, image, upon = documented()
    here, there = images
    words = image.split()
    assert words[-2] == there.path("vm2.qcow2")
    here.make("vm2.qcow2", "qcow2", int(words[-1]))
    here.write("vm2.qcow2", "qcow2", "write -P 0x42 5G 1M")
    guest = start_guest(memory=64, workload=IDLE, devices=disk("vm2.qcow2", "qcow2"))
    told = hosts[0].run("virsh", "domblkinfo", guest.name, "vda")
    assert re.search(rf"^Capacity:\s+{words[-1]}$", told, re.MULTILINE)
    hosts[1].run("bash", "-c", image)
    hosts[1].run("bash", "-c", pool)
    found = hosts[1].connection().storagePoolLookupByName("images")
    try:
        planned = command("plan", guest.name, *route, "--copy-storage", "all").stdout
        assert "is copied onto the image there (10.0 GiB, qcow2)" in planned
        done = command("migrate", guest.name, *route, "--copy-storage", "all", timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert_arrived(guest, hosts)
        guest.domain(hosts[1]).destroy()
        there.write("vm2.qcow2", "qcow2", "read -P 0x42 5G 1M", "read -P 0 4G 1M")
        there.make("base.qcow2", "qcow2")
        hosts[1].run("bash", "-c", upon)
        found.refresh()
        volume = Daemon.open(hosts[1].uri).volume(there.path("vm2.qcow2"))
        assert volume is not None
        assert volume.backing_file == there.path("base.qcow2")
    finally:
        found.destroy()
        found.undefine()
