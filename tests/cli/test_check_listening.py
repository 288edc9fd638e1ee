"""The checks of what listens: each kind of device, the option that is advised, and ports that others have."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import UUID, XML, answering, definition, known_names, pair, refusal
from libvirt_migrate import Retarget, listeners, retarget_xml
from libvirt_migrate.cli.checks.addresses import check_addresses
from libvirt_migrate.cli.checks.check import Check
from libvirt_migrate.cli.checks.listening import moving_address
from libvirt_migrate.cli.checks.ports import check_ports
from libvirt_migrate.cli.definition.summary import read_definition
from libvirt_migrate.cli.request import set_field


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead where a test says."""
    known_names(monkeypatch)


BIND = "<source mode='bind' host='192.0.2.1' service='4700'/>"
LISTENING = {
    "vnc": "<graphics type='vnc' autoport='yes' listen='192.0.2.1'/>",
    "spice": "<graphics type='spice' autoport='yes'><listen type='address' address='192.0.2.1'/></graphics>",
    "rdp": "<graphics type='rdp' autoport='yes' listen='192.0.2.1'/>",
    "serial": f"<serial type='tcp'>{BIND}<target port='0'/></serial>",
    "console": f"<console type='tcp'>{BIND}<target port='0'/></console>",
    "parallel": f"<parallel type='tcp'>{BIND}</parallel>",
    "channel": f"<channel type='tcp'>{BIND}</channel>",
    "redirdev": f"<redirdev bus='usb' type='tcp'>{BIND}</redirdev>",
    "smartcard": f"<smartcard mode='passthrough' type='tcp'>{BIND}</smartcard>",
    "rng": f"<rng model='virtio'><backend model='egd' type='tcp'>{BIND}</backend></rng>",
    "udp": f"<serial type='udp'>{BIND}</serial>",
    "interface": "<interface type='server'><source address='192.0.2.1' port='4700'/></interface>",
}


def checked(xml: str) -> list[Check]:
    return [*check_addresses(pair(), read_definition(xml))]


@pytest.mark.parametrize("kind", LISTENING)
def test_nothing_is_left_at_the_source(kind: str) -> None:
    xml = XML.format(more="", devices=LISTENING[kind])
    (before,) = checked(xml)
    assert before.result == "fail"
    assert "listens at 192.0.2.1, which is the source's" in before.reason
    advised = re.search(r"--set (\S+)=\{host\}", before.reason)
    if advised is None:
        assert before.reason.endswith("no --set changes it, only another definition")
        assert kind not in ("vnc", "spice", "serial", "console")
        return
    fields: dict[str, Any] = {}
    set_field(fields, f"{advised[1]}=192.0.2.2")
    after = checked(retarget_xml(xml, Retarget.from_dict(fields)))
    assert [check.result for check in after] == ["pass"]


def test_an_option_is_only_named_where_it_helps() -> None:
    # The attribute of the first <listen> and that of the display agree, so that both change.
    both = "<graphics type='vnc' listen='h'><listen type='address' address='h'/></graphics>"
    xml = XML.format(more="", devices=both)
    assert moving_address(xml, listeners(xml)[0]) == "graphics.listen"
    # The one for serial ports is tried and leaves it.
    xml = XML.format(more="", devices=LISTENING["interface"])
    assert moving_address(xml, listeners(xml)[0]) != "serial.address"


def test_a_console_that_is_a_serial_port_is_told_once() -> None:
    devices = LISTENING["serial"] + LISTENING["console"]
    assert len(checked(XML.format(more="", devices=devices))) == 1
    assert len(definition(devices).listeners) == 1


def test_what_follows_the_host() -> None:
    (check,) = checked(XML.format(more="", devices="<graphics type='vnc' autoport='yes'/>"))
    assert (check.result, check.reason) == ("pass", "nothing of the guest listens at an address of its own")
    network = "<graphics type='vnc'><listen type='network' network='lan' address='192.0.2.1'/></graphics>"
    assert [check.result for check in checked(XML.format(more="", devices=network))] == ["pass"]


def test_what_nobody_but_qemu_understands() -> None:
    xml = XML.format(more="<qemu:commandline><qemu:arg value='-gdb'/></qemu:commandline>", devices="")
    xml = xml.replace("<domain", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'")
    assert [check.result for check in checked(xml)] == ["not known"]


class Neighbour:
    """A guest that runs at the destination."""

    def __init__(self, devices: Any, uuid: str = "other") -> None:
        self.name, self.uuid, self.state = "other", uuid, "running"
        answer = devices if isinstance(devices, Exception) else XML.format(more="", devices=devices)
        self.xml = answering(answer)


FIXED = "<graphics type='vnc' port='5977' autoport='no' listen='{}'/>"
SERIAL = "<serial type='tcp'><source mode='bind' host='{}' service='4700'/></serial>"


def ports(devices: str, *neighbours: Neighbour, answer: Any = None) -> list[tuple[str, str]]:
    host: Any = SimpleNamespace(guests=answering([*neighbours] if answer is None else answer))
    guest: Any = SimpleNamespace(uuid=UUID)
    return [(check.result, check.reason) for check in check_ports(host, guest, definition(devices))]


@pytest.mark.parametrize(
    ("ours", "theirs", "result"),
    [
        (FIXED.format("192.0.2.2"), FIXED.format("192.0.2.2"), "fail"),
        # libvirt gives each port to one display.
        (FIXED.format("192.0.2.2"), FIXED.format("127.0.0.1"), "fail"),
        (FIXED.format("h"), "<graphics type='vnc' port='5977' autoport='yes' listen='h'/>", "fail"),
        (FIXED.format("h"), "<graphics type='vnc' port='5978' autoport='yes' listen='h'/>", "not known"),
        (SERIAL.format("192.0.2.2"), SERIAL.format("::"), "fail"),
        (SERIAL.format("192.0.2.2"), SERIAL.format("192.0.2.2"), "fail"),
        (SERIAL.format("192.0.2.2"), SERIAL.format("127.0.0.1"), "not known"),
        (SERIAL.format("h"), SERIAL.format("h").replace("'tcp'", "'udp'"), "not known"),
        (SERIAL.format("h"), "", "not known"),
        (
            "<vsock><cid auto='no' address='7'/></vsock>",
            "<vsock><cid auto='yes' address='7'/></vsock>",
            "fail",
        ),
        ("<vsock><cid auto='no' address='7'/></vsock>", "", "not known"),
    ],
)
def test_ports(ours: str, theirs: str, result: str) -> None:
    ((found, reason),) = ports(ours, Neighbour(theirs))
    assert found == result
    advised = re.search(r"--set '(\S+)'", reason)
    if advised is not None:
        fields: dict[str, Any] = {}
        set_field(fields, advised[1].replace("PORT", "5999"))
        changed = retarget_xml(XML.format(more="", devices=ours), Retarget.from_dict(fields))
        assert [one.port for one in listeners(changed)] == [5999]
    assert ("which other has there" in reason) == (result == "fail")
    # What the guest itself has there, from an attempt before, is given back.
    assert [found for found, _ in ports(ours, Neighbour(theirs, UUID))] == ["not known"]


def test_ports_that_are_not_fixed_or_not_known() -> None:
    assert ports("<graphics type='vnc' port='5977' autoport='yes'/>", Neighbour(FIXED.format("h"))) == []
    assert ports("<vsock><cid auto='yes' address='7'/></vsock>") == []
    ((result, reason),) = ports(FIXED.format("h"), answer=refusal(38, "no daemon"))
    assert (result, "no daemon" in reason) == ("not known", True)
    ((result, reason),) = ports(FIXED.format("h"), Neighbour(refusal(42)))
    assert (result, "no guest but perhaps other has it" in reason) == ("not known", True)
