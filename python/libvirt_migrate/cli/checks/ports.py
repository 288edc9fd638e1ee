"""The check of ports, and of other numbers of a host that only one guest can have."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

from ... import Guest, Host, Listener, listeners
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check
from .listening import moving_port, show_listener

_NAME = "ports"


@dataclass(frozen=True)
class _Neighbour:
    """A guest that runs at the destination."""

    name: str
    #: `None` where it was not told.
    listeners: tuple[Listener, ...] | None
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
                yield _Neighbour(other.name, None, None)
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
    assignment = moving_port(definition.xml, one)
    advice = f": --set '{assignment}'" if assignment else ""
    for other in neighbours:
        for taken in other.listeners or ():
            if (taken.protocol, taken.port) != (one.protocol, one.port):
                continue
            if _meet(one, taken):
                return Check(_NAME, "fail", f"{what}, which {other.name} has there{advice}")
    return Check(_NAME, "not known", f"{what}: {_others(neighbours)} has it there, but does another program?")


def _others(neighbours: list[_Neighbour]) -> str:
    """Who does not have something."""
    silent = [other.name for other in neighbours if other.listeners is None]
    return f"no guest but perhaps {', '.join(silent)}" if silent else "no guest"


def _meet(one: Listener, other: Listener) -> bool:
    """Whether two sockets of a port exclude each other.

    Those of one address do, and one of all addresses. libvirt gives a port to one display, wherever that
    listens.
    """
    if one.device == other.device == "graphics" or one.address == other.address:
        return True
    return _is_any(one.address) or _is_any(other.address)


def _is_any(address: str | None) -> bool:
    if address is None:
        return True
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
    what = f"the vsock needs address {cid}"
    return Check(_NAME, "not known", f"{what}: {_others(neighbours)} has it there, but does another program?")
