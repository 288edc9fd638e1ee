"""What a definition needs of its host's networks."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from .summary import Definition


@dataclass(frozen=True)
class Interface:
    """A network interface of a guest."""

    mac: str
    #: network, bridge, direct, ethernet, vhostuser, …
    kind: str
    #: The virtual network, or the bridge or device of the host.
    source: str | None
    #: The bridge is one of Open vSwitch, which knows more of it than the kernel does.
    is_switched: bool = False
    #: The network filter.
    filter: str | None = None
    #: The path of a vhost-user socket, and whether the guest's side makes it.
    socket: str | None = None
    makes_socket: bool = False
    #: The program that sets a device up.
    script: str | None = None

    def __str__(self) -> str:
        return f"interface {self.mac}"


def interfaces_of(definition: Definition) -> tuple[Interface, ...]:
    """The interfaces, in the definition's order."""
    return tuple(_interface(found) for found in definition.root.iterfind("devices/interface"))


def _interface(found: ElementTree.Element) -> Interface:
    kind = found.get("type", "")
    source = {} if (element := found.find("source")) is None else element.attrib
    mac, target = found.find("mac"), found.find("target")
    port, filtered, script = found.find("virtualport"), found.find("filterref"), found.find("script")
    named = {"network": source.get("network"), "bridge": source.get("bridge"), "direct": source.get("dev")}
    # Only a device that libvirt does not make has to be there.
    is_given = kind == "ethernet" and target is not None and target.get("managed") == "no"
    return Interface(
        mac="" if mac is None else mac.get("address", ""),
        kind=kind,
        source=target.get("dev") if is_given and target is not None else named.get(kind),
        is_switched=port is not None and port.get("type") in ("openvswitch", "midonet"),
        filter=None if filtered is None else filtered.get("filter"),
        socket=source.get("path") if kind == "vhostuser" else None,
        makes_socket=source.get("mode") == "server",
        script=script.get("path") if kind == "ethernet" and script is not None else None,
    )


def listening_networks(definition: Definition) -> tuple[tuple[str, str], ...]:
    """The virtual networks at whose address something listens, each with what does."""
    return tuple((one.kind, one.network) for one in definition.listeners if one.network is not None)
