"""The checks of disks, with hosts that answer what a test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import XML, answering, pair, refusal
from libvirt_migrate import MigrateFlags as F
from libvirt_migrate.cli.checks.storage import check_storage
from libvirt_migrate.cli.copying import named
from libvirt_migrate.cli.request import Request

MIB = 1 << 20
NONE = F(0)
DISK = "<disk type='{kind}'>{driver}<source {source}/>{more}<target dev='{target}'/></disk>"
QCOW2 = "<driver type='qcow2'/>"
OVERLAY = "<backingStore type='file'><source file='/images/base'/></backingStore>"


def disk(
    source: str = "file='/images/a'",
    kind: str = "file",
    *,
    driver: str = "",
    more: str = "",
    target: str = "vda",
) -> str:
    return DISK.format(kind=kind, source=source, driver=driver, more=more, target=target)


def image(capacity: int = 8 * MIB, format: str = "raw", **more: Any) -> Any:
    fields = {"physical": capacity, "backing_file": None, "path": "/images/a", **more}
    return SimpleNamespace(capacity=capacity, format=format, **fields)


def pool(name: str = "images", kind: str = "dir", **more: Any) -> Any:
    return SimpleNamespace(**{"name": name, "type": kind, "is_active": True, "available": 1 << 40, **more})


def checks(
    devices: str,
    copied: list[str],
    *,
    there: str | None = None,
    size: Any = 8 * MIB,
    flags: F = NONE,
    **host: Any,
) -> list[tuple[str, str, bool]]:
    """What the checks say; by default the destination has neither pools nor files."""
    answers = {"volume": None, "pool": None, "pool_at": None, "has_file": False, **host}
    destination = SimpleNamespace(**{name: answering(answer) for name, answer in answers.items()})
    xml = XML.format(devices=devices, more="")
    guest = SimpleNamespace(xml=answering(xml), disk_size=answering(size))
    values = {
        "migrate_disks": copied,
        "destination_xml": XML.format(devices=devices if there is None else there, more=""),
    }
    found = check_storage(pair(destination=destination, guest=guest), Params(values, flags))  # type: ignore[arg-type]
    return [(check.result, check.reason, check.fatal) for check in found]


class Params(dict[str, Any]):
    """As much of a MigrateParams as the check looks at."""

    def __init__(self, values: dict[str, Any], flags: F) -> None:
        super().__init__(values)
        self.flags = flags


UNKNOWN = refusal(1)


@pytest.mark.parametrize(
    ("devices", "host", "result", "reason"),
    [
        ("", {}, "pass", "no disks"),
        ("<disk type='file' device='cdrom'><target dev='sda'/></disk>", {}, "pass", "no disks"),
        (disk(), {"volume": image()}, "pass", "vda (/images/a): a storage pool of the destination has it"),
        (disk(), {"has_file": True}, "pass", "the destination has such a file; it must be the same one"),
        (disk(), {}, "fail", "does not have it; it must be shared, or --copy-storage vda"),
        (disk(more="<readonly/>"), {}, "fail", "it must be shared"),
        (
            disk(),
            {"volume": UNKNOWN},
            "not known",
            "it must be shared, or --copy-storage vda; the destination",
        ),
        (disk(), {"has_file": UNKNOWN}, "not known", "it must be shared"),
        (disk("dev='/dev/a'", "block"), {}, "not known", "no storage pool of the destination has it"),
        (disk("pool='p' volume='v'", "volume"), {"volume": image()}, "pass", "vda (p/v): a storage pool"),
        (disk("pool='p' volume='v'", "volume"), {}, "fail", "does not have it"),
        (
            disk("name='pool/a'", "network"),
            {},
            "not known",
            "vda (network): does the destination reach it too?",
        ),
    ],
)
def test_disks_that_are_not_copied(devices: str, host: dict[str, Any], result: str, reason: str) -> None:
    ((found, said, fatal),) = checks(devices, [], **host)
    assert (found, fatal) == (result, False)
    assert reason in said


IMAGES = {"pool_at": pool()}


@pytest.mark.parametrize(
    ("devices", "host", "result", "reason"),
    [
        (disk(), {"volume": image()}, "pass", "is copied onto the image there (8.0 MiB, raw)"),
        (
            disk(),
            {"volume": image(4 * MIB)},
            "fatal",
            "the image there is smaller: 8.0 MiB here, 4.0 MiB there",
        ),
        (
            disk(),
            {"volume": image(9 * MIB)},
            "fail",
            "the image there is larger: 8.0 MiB here, 9.0 MiB there",
        ),
        (disk(), {"volume": image(8 * MIB + 512)}, "fail", "is larger: 8388608 B here, 8389120 B there"),
        # The rest of a sector counts as one.
        (disk(), {"volume": image(8 * MIB - 5)}, "pass", "is copied onto the image there"),
        (disk(), {"volume": image(), "size": UNKNOWN}, "not known", "is it as large as the source's?"),
        (disk(driver=QCOW2), {"volume": image()}, "fatal", "the image there is raw, not qcow2"),
        (disk(driver=QCOW2), {"volume": image(format="qcow2", physical=99)}, "pass", "(8.0 MiB, qcow2)"),
        (
            disk(),
            {"volume": image(format="qcow2", physical=99)},
            "fatal",
            "is smaller: 8.0 MiB here, 512 B there",
        ),
        (
            disk(),
            {"volume": image(), "pool_at": pool(kind="netfs")},
            "not known",
            "pool images, a netfs: is that",
        ),
        (disk(), {"has_file": True}, "not known", "are not known: make /images a storage pool there"),
        (disk(), {"has_file": True, **IMAGES}, "not known", "virsh pool-refresh images there"),
        (disk(), IMAGES, "pass", "pool images makes the image (8.0 MiB, raw)"),
        (disk(driver=QCOW2), IMAGES, "pass", "pool images makes the image (8.0 MiB, qcow2)"),
        (disk(), {"pool_at": pool(available=MIB)}, "fail", "has 1.0 MiB free of 8.0 MiB"),
        (disk(driver=QCOW2), {"pool_at": pool(available=MIB)}, "not known", "has 1.0 MiB free of 8.0 MiB"),
        (disk(), {}, "fatal", "make it there with qemu-img create -f raw /images/a 8388608"),
        (disk(), {"volume": UNKNOWN}, "not known", "does not tell what is there"),
        (disk(), {"has_file": UNKNOWN, **IMAGES}, "not known", "does not tell what is there"),
        (disk("dev='/dev/a'", "block"), {}, "not known", "has such a device (8.0 MiB)"),
        (disk("dev='/dev/a'", "block"), {"volume": image()}, "pass", "is copied onto the image there"),
        (disk("pool='p' volume='v'", "volume"), {}, "fatal", "has no storage pool p"),
        (
            disk("pool='p' volume='v'", "volume"),
            {"pool": pool(is_active=False)},
            "fatal",
            "pool p is not active",
        ),
        (disk("pool='p' volume='v'", "volume"), {"pool": pool("p")}, "pass", "pool p makes the image"),
        (
            disk("pool='p' volume='v'", "volume"),
            {"pool": pool(), "volume": image()},
            "pass",
            "onto the image",
        ),
        (disk("name='pool/a'", "network"), {}, "fail", "a copy would be onto itself"),
        (disk("x='1'", "nvme"), {}, "not known", "and must be there"),
    ],
)
def test_copied_disks(devices: str, host: dict[str, Any], result: str, reason: str) -> None:
    ((found, said, fatal),) = checks(devices, ["vda"], **host)
    assert (found, fatal) == ("fail" if result == "fatal" else result, result == "fatal")
    assert reason in said


def test_a_network_disk_that_is_another_one_there() -> None:
    here, there = (disk(f"name='{name}'", "network") for name in "ab")
    ((found, said, _),) = checks(here, ["vda"], there=there)
    assert (found, "onto a network disk" in said) == ("not known", True)


@pytest.mark.parametrize(
    ("backing", "host", "result", "reason"),
    [
        (OVERLAY, {"volume": image(format="qcow2")}, "fatal", "-b BACKING -F FORMAT /images/a"),
        (OVERLAY, {"volume": image(format="qcow2", backing_file="/b")}, "pass", "(8.0 MiB, qcow2), upon /b"),
        (
            "",
            {"volume": image(format="qcow2", backing_file="/b")},
            "not known",
            "has the source's a backing file",
        ),
        (
            "<backingStore/>",
            {"volume": image(format="qcow2")},
            "fatal",
            "--copy-storage copies it, all of it",
        ),
        (OVERLAY, IMAGES, "fatal", "there is no image"),
        (OVERLAY, {"has_file": True}, "not known", "size, format and backing file are not known"),
        (OVERLAY, {"volume": UNKNOWN}, "not known", "does not tell what is there"),
        (OVERLAY, {"volume": image(MIB, format="qcow2", backing_file="/b")}, "fatal", "is smaller"),
    ],
)
def test_incremental_copies(backing: str, host: dict[str, Any], result: str, reason: str) -> None:
    devices = disk(driver=QCOW2, more=backing)
    ((found, said, fatal),) = checks(devices, ["vda"], flags=F.NON_SHARED_INC, **host)
    assert (found, fatal) == ("fail" if result == "fatal" else result, result == "fatal")
    assert reason in said


MANY = (
    disk()
    + disk("file='/images/b'", more="<shareable/>", target="vdb")
    + disk("file='/images/c'", more="<readonly/>", target="vdc")
    + disk("name='pool/d'", "network", target="vdd")
    + disk("dev='/dev/e'", "block", target="vde")
    + "<disk type='file' device='cdrom'><target dev='sda'/></disk>"
    + "<disk type='file' device='floppy'><source file='/images/f'/><target dev='fda'/></disk>"
)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("vdz", "vdz is to be copied, but the guest has no such disk"),
        ("vdb", "vdb is to be copied, but vdb is shareable"),
        ("vdc", "vdc is to be copied, but vdc is read-only"),
        ("sda", "sda is to be copied, but sda is a CD-ROM drive"),
        ("fda", "fda is to be copied, but fda is a floppy drive"),
    ],
)
def test_disks_that_nobody_can_copy(target: str, reason: str) -> None:
    found = checks(MANY, [target], has_file=True)
    assert found[0][::2] == ("fail", True)
    assert reason in found[0][1]
    # It is told of once.
    assert not [check for check in found[1:] if check[0] == "fail"]


def test_all_are_those_that_can_be_copied() -> None:
    def of(how: dict[str, Any], devices: str) -> Any:
        request: Any = Request({}, None, how, F(0))  # type: ignore[arg-type]
        return named(request, XML.format(devices=devices, more="")).how

    assert of({"migrate_disks": ["all"], "bandwidth": 5}, MANY) == {
        "migrate_disks": ["vda", "vde"],
        "bandwidth": 5,
    }
    assert of({"migrate_disks": ["all"]}, "") == {"migrate_disks": []}
    assert of({"migrate_disks": ["vdb"]}, MANY) == {"migrate_disks": ["vdb"]}
    assert of({}, MANY) == {}
