"""The checks of devices, from the definition alone: every rule, and what it must leave alone."""

from __future__ import annotations

import pytest

from answering import XML
from libvirt_migrate.cli.check_devices import check_devices
from libvirt_migrate.cli.check_host_devices import check_host_devices
from libvirt_migrate.cli.check_source import Asked

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
            "<hostdev type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>",
            "the host's usb device 0x1:0x2",
        ),
        (
            f"<hostdev mode='subsystem' type='pci'><source>{PCI}</source></hostdev>",
            "the host's pci device domain 0x0000 bus 0x06 slot 0x02 function 0x0",
        ),
        (
            "<hostdev mode='subsystem' type='mdev'><source><address uuid='u'/></source></hostdev>",
            "the host's mdev device u",
        ),
        (
            "<interface type='vhostuser'><source type='unix' path='/run/s' mode='server'/></interface>",
            "the interface's /run/s",
        ),
        (
            "<filesystem type='mount'><source dir='/a'/><target dir='a'/></filesystem>",
            "the folder /a",
        ),
        (
            "<memory model='nvdimm'><source><path>/n</path></source></memory>",
            "the memory's file /n",
        ),
        (
            "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
            "the TPM /dev/tpm0",
        ),
        (
            "<input type='evdev'><source dev='/dev/input/event0'/></input>",
            "the input device /dev/input/event0",
        ),
        ("<serial type='dev'><source path='/dev/ttyS0'/></serial>", "serial /dev/ttyS0"),
        ("<channel type='unix'><source mode='connect' path='/run/c'/></channel>", "channel /run/c"),
        (
            "<rng model='virtio'><backend model='random'>/dev/my</backend></rng>",
            "the random numbers of /dev/my",
        ),
    ],
)
def test_what_is_the_hosts(devices: str, what: str) -> None:
    (check,) = check_host_devices(XML.format(devices=devices, more=""))
    assert (check.result, check.reason) == ("not known", f"{what}: does the destination have it?")


@pytest.mark.parametrize(
    "devices",
    [
        "",
        "<channel type='unix'><source mode='bind' path='/run/c'/></channel>",
        "<serial type='pty'><source path='/dev/pts/1'/></serial>",
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        "<tpm><backend type='emulator'/></tpm>",
    ],
)
def test_what_every_host_has(devices: str) -> None:
    (check,) = check_host_devices(XML.format(devices=devices, more=""))
    assert check.result == "pass"
