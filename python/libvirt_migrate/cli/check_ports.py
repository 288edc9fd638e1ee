"""The check of ports, and of other numbers of a host that only one guest can have."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

from .. import Guest, Host, Listener, listeners
from .asking import Unknown, ask
from .checking import Check
from .definition import Definition
from .listening import moving_port, show_listener

_NAME = "ports"


@dataclass(frozen=True)
class _Neighbour:
    """A guest that runs at the destination."""

    name: str
    listeners: tuple[Listener, ...]
    #: Its vsock address.
    vsock: str | None


def check_ports(host: Host, guest: Guest, definition: Definition) -> Iterator[Check]:
    """Ports that are fixed are free of other guests there."""
    fixed = [one for one in definition.listeners if one.port is not None]
    vsock = _fixed_vsock(definition)
    if not fixed and vsock is None:
        return
    neighbours = ask(lambda: [*_neighbours(host, guest.uuid)])
    if isinstance(neighbours, Unknown):
        yield Check(_NAME, "not known", f"which ports do guests there have? {neighbours.reason}")
        return
    for one in fixed:
        yield _port(one, definition, neighbours)
    if vsock is not None:
        yield _vsock(vsock, neighbours)


def _neighbours(host: Host, uuid: str) -> Iterator[_Neighbour]:
    for other in host.guests(active=True):
        if other.uuid == uuid:
            continue
        xml = ask(other.xml)
        if isinstance(xml, Unknown):
            # It may have ended since; where it runs still, what it has is not known.
            if not isinstance(ask(lambda other=other: other.state), Unknown):  # type: ignore[misc]
                yield _Neighbour(other.name, (), None)
            continue
        root = ElementTree.fromstring(xml)  # noqa: S314
        for display in root.iterfind("devices/graphics"):
            # Of a guest that runs the port is told that the host has chosen.
            display.set("autoport", "no")
        cid = root.find("devices/vsock/cid")
        shown = ElementTree.tostring(root, encoding="unicode")
        yield _Neighbour(other.name, listeners(shown), None if cid is None else cid.get("address"))


def _port(one: Listener, definition: Definition, neighbours: list[_Neighbour]) -> Check:
    where = f"{one.protocol} port {one.port}{'' if one.address is None else f' of {one.address}'}"
    what = f"{show_listener(one)} needs {where}"
    field = moving_port(definition.xml, one)
    advice = f": --set {field}=PORT" if field else ""
    for other in neighbours:
        for taken in other.listeners:
            if (taken.protocol, taken.port) != (one.protocol, one.port):
                continue
            if _meet(one.address, taken.address):
                return Check(_NAME, "fail", f"{what}, which {other.name} has there{advice}")
    reason = f"{what}: no guest there has it, but does another program? ss -ln there tells"
    return Check(_NAME, "not known", reason)


def _meet(one: str | None, other: str | None) -> bool:
    """Whether two sockets of a port exclude each other: of one address, or one of them of all addresses."""
    return one is None or other is None or one == other or _is_any(one) or _is_any(other)


def _is_any(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


def _fixed_vsock(definition: Definition) -> str | None:
    cid = definition.root.find("devices/vsock/cid")
    return None if cid is None or cid.get("auto") == "yes" else cid.get("address")


def _vsock(cid: str, neighbours: list[_Neighbour]) -> Check:
    for other in neighbours:
        if other.vsock == cid:
            return Check(_NAME, "fail", f"the vsock needs address {cid}, which {other.name} has there")
    reason = f"the vsock needs address {cid}: no guest of libvirt's has it there, but does another one?"
    return Check(_NAME, "not known", reason)
