"""The checks of processors, NUMA nodes, host devices and labels, with hosts that have what a test wants."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.answering import XML, answering, definition, refusal
from libvirt_migrate import Retarget, retarget_xml
from libvirt_migrate.cli.checks.check import Check
from libvirt_migrate.cli.checks.hardware import check_hardware
from libvirt_migrate.cli.checks.placement import check_placement
from libvirt_migrate.cli.checks.security import check_security
from libvirt_migrate.cli.definition.quantities import numbers_of, show_numbers, unit_of
from libvirt_migrate.cli.definition.summary import read_definition
from libvirt_migrate.cli.request import set_field

CAPABILITIES = """<capabilities><host><secmodel><model>apparmor</model></secmodel><topology><cells>
<cell id='0'><cpus><cpu id='0'/><cpu id='1'/></cpus></cell><cell id='1'><cpus><cpu id='4'/></cpus></cell>
</cells></topology></host></capabilities>"""
HOST: Any = SimpleNamespace(capabilities=answering(CAPABILITIES))
SILENT: Any = SimpleNamespace(capabilities=answering(refusal(1, "no idea")))
VCPU = "<vcpu placement='static'{}>2</vcpu>"


def placed(more: str, host: Any = HOST) -> list[Check]:
    return [*check_placement(host, definition(more=more))]


CPUTUNE, NUMATUNE = "<cputune>{}</cputune>", "<numatune>{}</numatune>"
CELLS = "<cpu><numa><cell id='0' cpus='0-1' memory='4194304'/></numa></cpu>"
MISSING = [
    (VCPU.format(" cpuset='2-3'"), "the vCPUs: the destination has no CPU 2-3"),
    (
        VCPU.format("") + CPUTUNE.format("<vcpupin vcpu='1' cpuset='2'/>"),
        "vCPU 1: the destination has no CPU 2",
    ),
    (
        VCPU.format("") + CPUTUNE.format("<emulatorpin cpuset='7'/>"),
        "the emulator: the destination has no CPU 7",
    ),
    (
        VCPU.format("")
        + "<iothreads>1</iothreads>"
        + CPUTUNE.format("<iothreadpin iothread='1' cpuset='9'/>"),
        "I/O thread 1: the destination has no CPU 9",
    ),
    (
        NUMATUNE.format("<memory mode='strict' nodeset='1-2'/>"),
        "the memory: the destination has no NUMA node 2",
    ),
    (
        CELLS + NUMATUNE.format("<memnode cellid='0' mode='strict' nodeset='5'/>"),
        "the memory of cell 0: the destination has no NUMA node 5",
    ),
]


@pytest.mark.parametrize(("more", "reason"), MISSING)
def test_what_is_missing(more: str, reason: str) -> None:
    (check,) = placed(more)
    assert (check.result, check.fatal) == ("fail", False)
    assert check.reason.startswith(f"{reason}: --set '")


@pytest.mark.parametrize(("more", "reason"), MISSING)
def test_the_option_that_is_advised_helps(more: str, reason: str) -> None:
    (before,) = placed(more)
    advised = re.search(r"--set '(.*)'", before.reason)
    assert advised is not None
    fields: dict[str, Any] = {}
    set_field(fields, advised[1])
    xml = retarget_xml(XML.format(more=more, devices=""), Retarget.from_dict(fields))
    assert [check.result for check in check_placement(HOST, read_definition(xml))] == ["pass"]


def test_what_is_there_or_not_known() -> None:
    assert placed("") == placed(VCPU.format("")) == []
    assert [check.result for check in placed(VCPU.format(" cpuset='0-1,4'"))] == ["pass"]
    # Linux takes those that are there, control groups may not.
    assert [check.result for check in placed(VCPU.format(" cpuset='0,2'"))] == ["not known"]
    loose = NUMATUNE.format("<memory mode='restrictive' nodeset='7'/>")
    assert [check.result for check in placed(loose)] == ["not known"]
    automatic = "<vcpu placement='auto'>2</vcpu>"
    assert ["numad" in check.reason for check in placed(automatic)] == [True]
    assert [check.result for check in placed(VCPU.format(" cpuset='0'"), SILENT)] == ["not known"]


PCI = "<address type='pci' domain='0x0000' bus='0x3b' slot='0x0a' function='0x1'/>"
LISTED = {
    "pci": "<device><capability type='pci'><domain>0</domain><bus>59</bus><slot>10</slot>"
    "<function>1</function></capability></device>",
    "usb_device": "<device><capability type='usb_device'><bus>1</bus><device>4</device>"
    "<product id='0x0001'/><vendor id='0x1d6b'/></capability></device>",
    "mdev": "<device><name>mdev_b1ae8bf6_38b0_4c81_9d44_78ce3f520496_0000_00_02_0</name>"
    "<capability type='mdev'/></device>",
    "scsi": "<device><capability type='scsi'><host>2</host><bus>0</bus><target>3</target><lun>1</lun>"
    "</capability></device>",
}
DEVICES = [
    ("pci", f"<hostdev type='pci'><source>{PCI}</source></hostdev>", "PCI device 0000:3b:0a.1"),
    ("pci", f"<interface type='hostdev'><source>{PCI}</source></interface>", "PCI device 0000:3b:0a.1"),
    (
        "usb_device",
        "<hostdev type='usb'><source><vendor id='0x1d6b'/><product id='0x0001'/></source></hostdev>",
        "USB device 1d6b:0001",
    ),
    (
        "usb_device",
        "<hostdev type='usb'><source><address bus='1' device='4'/></source></hostdev>",
        "USB device 4 of bus 1",
    ),
    (
        "mdev",
        "<hostdev type='mdev'><source><address uuid='b1ae8bf6-38b0-4c81-9d44-78ce3f520496'/></source>"
        "</hostdev>",
        "mediated device b1ae8bf6",
    ),
    (
        "scsi",
        "<hostdev type='scsi'><source><adapter name='scsi_host2'/>"
        "<address bus='0' target='3' unit='1'/></source></hostdev>",
        "SCSI device 2:0:3:1",
    ),
]


@pytest.mark.parametrize(("capability", "device", "what"), DEVICES)
def test_devices_of_the_host(capability: str, device: str, what: str) -> None:
    def listing(answers: dict[str, Any]) -> Any:
        return SimpleNamespace(node_devices=lambda asked: answering(answers.get(asked, []))())

    def only(host: Any) -> Check:
        (check,) = check_hardware(host, definition(device))
        assert what in check.reason
        return check

    assert only(listing({capability: [LISTED[capability]]})).result == "pass"
    others = {name: [xml for key, xml in LISTED.items() if key != capability] for name in LISTED}
    missing = only(listing(others))
    assert missing.result == "fail"
    field = re.search(r"--set (\S+)=OTHER", missing.reason)
    assert (field is not None) == (capability in ("pci", "mdev") and "<hostdev" in device)
    if field is not None:
        other = "0000:00:1f.0" if capability == "pci" else "00000000-38b0-4c81-9d44-78ce3f520496"
        fields: dict[str, Any] = {}
        set_field(fields, f"{field[1]}={other}")
        given = XML.format(more="", devices=device)
        changed = retarget_xml(given, Retarget.from_dict(fields))
        assert changed != given
    assert only(listing({capability: refusal(38, "no daemon")})).result == "not known"


def test_devices_that_hosts_do_not_list() -> None:
    device = "<hostdev type='scsi_host'><source protocol='vhost' wwpn='naa.5'/></hostdev>"
    (check,) = check_hardware(SimpleNamespace(), definition(device))  # type: ignore[arg-type]
    assert check.result == "not known"
    assert [*check_hardware(SimpleNamespace(), definition())] == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "host", "expected"),
    [
        ("", HOST, []),
        ("<seclabel type='none' model='none'/>", HOST, []),
        ("<seclabel type='dynamic' model='apparmor' relabel='yes'/>", HOST, ["pass"]),
        ("<seclabel type='dynamic' model='selinux' relabel='yes'/>", HOST, ["fail"]),
        ("<seclabel type='dynamic' model='selinux' relabel='yes'/>", SILENT, ["not known"]),
    ],
)
def test_labels(label: str, host: Any, expected: list[str]) -> None:
    found = [*check_security(host, definition(more=label))]
    assert [check.result for check in found] == expected


@given(st.frozensets(st.integers(0, 70)))
def test_a_set_of_numbers_is_read_as_it_is_shown(numbers: frozenset[int]) -> None:
    assert numbers_of(show_numbers(numbers)) == numbers


def test_sets_and_units_as_libvirt_writes_them() -> None:
    assert numbers_of("0-3,^2, 8") == {0, 1, 3, 8}
    assert numbers_of(None) == numbers_of("") == frozenset()
    units = {
        "b": 1,
        "bytes": 1,
        "KB": 1000,
        "k": 1024,
        "KiB": 1024,
        "MB": 10**6,
        "M": 1 << 20,
        "GiB": 1 << 30,
    }
    assert {name: unit_of(name) for name in units} == units
    assert unit_of(None) == 1024
