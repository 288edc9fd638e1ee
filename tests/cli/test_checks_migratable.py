"""The checks of devices, from the definition alone: every rule, and what it must leave alone."""

from __future__ import annotations

import pytest

from helpers.answering import XML
from libvirt_migrate.cli.checks.devices import check_devices
from libvirt_migrate.cli.checks.folders import check_folders
from libvirt_migrate.cli.checks.source import Asked

WOULD, WOULD_NOT, SILENT = Asked(), Asked(refusal="as said"), Asked(silence="gone")

PCI = "<address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/>"
REFUSED = {
    "<shmem name='s' role='peer'><model type='ivshmem-plain'/></shmem>": "shared memory s is not migrated",
    "<shmem name='s'><model type='ivshmem-plain'/></shmem>": "the shared memory s is not migrated",
    "<disk type='file'><source file='/a'/><target dev='vda'/><transient/></disk>": "the transient disk vda",
}
INVTSC = "<cpu mode='host-passthrough'><feature policy='require' name='invtsc'/></cpu>"
DOUBTFUL = {
    f"<hostdev mode='subsystem' type='pci'><source>{PCI}</source></hostdev>": "a host device of type pci",
    "<hostdev mode='subsystem' type='mdev'><source><address uuid='u'/></source></hostdev>": "of type mdev",
    "<hostdev mode='subsystem' type='scsi'><source/></hostdev>": "a host device of type scsi",
    f"<interface type='hostdev'><source>{PCI}</source></interface>": "an interface of type hostdev",
    "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>": "an interface of type vdpa",
    "<filesystem type='mount'><driver type='virtiofs'/><source dir='/a'/><target dir='a'/></filesystem>": (
        "the virtiofs filesystem a"
    ),
    "<filesystem type='mount'><source dir='/a'/><target dir='a'/></filesystem>": "the 9p filesystem a",
    "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>": "the host's TPM",
    "<smartcard mode='host'/>": "the host's smartcard",
    "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>": "3D acceleration",
}
HARMLESS = (
    "",
    "<shmem name='s' role='master'><model type='ivshmem-plain'/></shmem>",
    "<hostdev mode='subsystem' type='usb'><source/></hostdev>",
    "<hostdev mode='subsystem' type='pci'><teaming type='transient' persistent='ua-a'/></hostdev>",
    "<interface type='hostdev'><teaming type='transient' persistent='ua-a'/></interface>",
    "<tpm><backend type='emulator'/></tpm>",
    "<smartcard mode='passthrough' type='spicevmc'/>",
    "<video><model type='virtio'><acceleration accel3d='no'/></model></video>",
)


def results(devices: str, asked: Asked, more: str = "") -> list[tuple[str, str]]:
    found = check_devices(XML.format(devices=devices, more=more), asked)
    return [(check.result, check.reason) for check in found]


@pytest.mark.parametrize("devices", REFUSED)
@pytest.mark.parametrize("asked", [WOULD, WOULD_NOT, SILENT])
def test_what_no_libvirt_migrates(devices: str, asked: Asked) -> None:
    ((result, reason),) = results(devices, asked)
    assert result == "fail"
    assert REFUSED[devices] in reason


def test_an_invariant_tsc_needs_its_frequency() -> None:
    assert results("", SILENT, INVTSC)[0][0] == "fail"
    timer = "<clock offset='utc'><timer name='tsc' frequency='3000000000'/></clock>"
    assert results("", SILENT, INVTSC + timer)[0][0] == "pass"
    assert results("", SILENT, INVTSC.replace("require", "disable"))[0][0] == "pass"


@pytest.mark.parametrize("devices", DOUBTFUL)
def test_of_what_depends_on_the_release_the_source_has_the_last_word(devices: str) -> None:
    ((result, reason),) = results(devices, WOULD)
    assert result == "pass"
    assert DOUBTFUL[devices] in reason
    for asked in (WOULD_NOT, SILENT):
        ((result, reason),) = results(devices, asked)
        assert result == "not known"
        assert DOUBTFUL[devices] in reason


@pytest.mark.parametrize("devices", HARMLESS)
def test_the_others_are_left_alone(devices: str) -> None:
    for asked in (WOULD, WOULD_NOT, SILENT):
        ((result, _),) = results(devices, asked)
        assert result == "pass"


@pytest.mark.parametrize(
    ("devices", "what"),
    [
        (
            "<filesystem type='mount'><source dir='/a'/><target dir='a'/></filesystem>",
            "the filesystem /a",
        ),
        (
            "<filesystem type='mount'><source socket='/run/v'/><target dir='a'/></filesystem>",
            "the filesystem /run/v",
        ),
        ("<memory model='nvdimm'><source><path>/n</path></source></memory>", "the memory's file /n"),
    ],
)
def test_folders_and_files(devices: str, what: str) -> None:
    (check,) = check_folders(XML.format(devices=devices * 2, more=""))
    reason = f"{what}: does the destination have the same?"
    assert (check.name, check.result, check.reason) == ("files", "not known", reason)


def test_no_folders() -> None:
    assert list(check_folders(XML.format(devices="<memory model='dimm'/>", more=""))) == []
