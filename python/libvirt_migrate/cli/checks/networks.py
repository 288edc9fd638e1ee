"""The checks of what a guest's interfaces are connected to."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from ... import Host
from ..definition.network import Interface, interfaces_of, listening_networks
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check

_NAME = "network"
#: How a network forwards where libvirt makes its bridge and gives it an address.
_OWN = ("", "nat", "route", "open")


def check_networks(host: Host, definition: Definition) -> Iterator[Check]:
    """The networks, bridges, devices and filters of the interfaces are there."""
    yield from _interfaces(host, interfaces_of(definition))
    for what, network in dict.fromkeys(listening_networks(definition)):
        yield _address_of(host, network, f"{what} listens at")


def _interfaces(host: Host, interfaces: tuple[Interface, ...]) -> Iterator[Check]:
    for kind, name, first in _sources(interfaces):
        if kind == "network":
            yield from _virtual_network(host, name, f"{first} is of")
        elif kind == "bridge" and first.is_switched:
            yield _switch(host, name, first)
        else:
            yield check_device(host, name, f"{first} is on", is_bridge=kind == "bridge")
    for name in dict.fromkeys(one.filter for one in interfaces if one.filter):
        yield _filter(host, name)


def _sources(interfaces: tuple[Interface, ...]) -> list[tuple[str, str, Interface]]:
    """Each source once, with the first interface that has it."""
    first: dict[tuple[str, str], Interface] = {}
    for one in interfaces:
        if one.source:
            first.setdefault((one.kind, one.source), one)
    return [(kind, source, one) for (kind, source), one in first.items()]


def _virtual_network(host: Host, name: str, what: str) -> Iterator[Check]:
    found = _defined(host, name, what)
    if isinstance(found, Check):
        yield found
        return
    active, network = found
    if not active:
        reason = f"{what} network {name}, which is not active there: virsh net-start {name}"
        yield Check(_NAME, "fail", reason, True)
        return
    yield Check(_NAME, "pass", f"network {name} is active")
    yield from _below(host, name, network)


def _defined(host: Host, name: str, what: str) -> tuple[bool, ElementTree.Element] | Check:
    """Whether a virtual network is active, and its definition; or the check that ends there."""
    found = ask(lambda: host.virtual_network(name))
    if isinstance(found, Unknown):
        reason = f"{what} network {name}: {found.reason}; virsh net-list there tells"
        return Check(_NAME, "not known", reason)
    if found is None:
        reason = f"{what} network {name}, which the destination does not have: virsh net-define it there"
        return Check(_NAME, "fail", reason, True)
    return found[0], ElementTree.fromstring(found[1])  # noqa: S314


def _mode(network: ElementTree.Element) -> str:
    forward = network.find("forward")
    return "" if forward is None else forward.get("mode", "nat")


def _address_of(host: Host, name: str, what: str) -> Check:
    """A network has an address of the host, at which something can listen."""
    found = _defined(host, name, what)
    if isinstance(found, Check):
        return found
    active, network = found
    if _mode(network) in _OWN:
        if network.find("ip") is None:
            return Check(_NAME, "fail", f"{what} network {name}, which has no address there", True)
        if not active:
            reason = f"{what} network {name}, which is not active there: virsh net-start {name}"
            return Check(_NAME, "fail", reason)
        return Check(_NAME, "pass", f"network {name} is active and has an address")
    # The address is that of a device, whether the network is active or not, and libvirt does not tell it.
    bridge, first = network.find("bridge"), network.find("forward/interface")
    named = "" if first is None else first.get("dev", "")
    device = check_device(
        host, named if bridge is None else bridge.get("name", ""), f"{what} network {name}, on"
    )
    if device.result == "fail":
        return device
    return Check(_NAME, "not known", f"{what} network {name}: does its device have an address there?")


def _below(host: Host, name: str, network: ElementTree.Element) -> Iterator[Check]:
    """What an active network leaves to the host: a bridge, or devices to choose from."""
    mode = _mode(network)
    if mode in _OWN:
        return
    bridge = network.find("bridge")
    if bridge is not None:
        port = network.find("virtualport")
        if port is None or port.get("type") != "openvswitch":
            yield check_device(host, bridge.get("name", ""), f"network {name} is on", is_bridge=True)
        return
    devices = [found.get("dev", "") for found in network.iterfind("forward/interface")]
    if mode in ("hostdev", "passthrough"):
        yield Check(_NAME, "not known", f"does network {name} have a device left? virsh net-dumpxml {name}")
    elif devices:
        yield check_device(host, devices[0], f"network {name} is on")


def check_device(host: Host, name: str, what: str, *, is_bridge: bool = False) -> Check:
    """The host has a network device of this name."""
    kind = "bridge" if is_bridge else "device"
    found = ask(lambda: host.interface(name))
    if isinstance(found, str):
        its_kind = ElementTree.fromstring(found).get("type", "")  # noqa: S314
        if is_bridge and its_kind != "bridge":
            return Check(_NAME, "fail", f"{what} bridge {name}, which is no bridge there but {its_kind}")
        return Check(_NAME, "pass", f"the destination has {kind} {name}")
    # Some builds of libvirt tell only of interfaces that are configured.
    devices = ask(lambda: host.node_devices("net"))
    if isinstance(devices, Unknown):
        reason = f"{what} {kind} {name}: {devices.reason}; ip link there tells"
        return Check(_NAME, "not known", reason)
    if any(_is_device(xml, name) for xml in devices):
        if is_bridge:
            return Check(_NAME, "not known", f"{what} bridge {name}: is the destination's {name} a bridge?")
        return Check(_NAME, "pass", f"the destination has {kind} {name}")
    if isinstance(found, Unknown):
        return Check(_NAME, "not known", f"{what} {kind} {name}: {found.reason}; ip link there tells")
    return Check(_NAME, "fail", f"{what} {kind} {name}, which the destination does not have: make it there")


def _is_device(xml: str, name: str) -> bool:
    return ElementTree.fromstring(xml).findtext("capability/interface") == name  # noqa: S314


def _switch(host: Host, name: str, first: Interface) -> Check:
    check = check_device(host, name, f"{first} is on")
    found = ask(lambda: host.interface(name))
    is_other = isinstance(found, str) and ElementTree.fromstring(found).get("type") == "bridge"  # noqa: S314
    if check.result == "pass" and not is_other:
        return check
    # Open vSwitch may have a bridge without a device of the kernel's, and the kernel one that is no other's.
    reason = f"{first} is on bridge {name} of Open vSwitch: ovs-vsctl br-exists {name} there tells"
    return Check(_NAME, "not known", reason)


def _filter(host: Host, name: str) -> Check:
    found = ask(lambda: host.has_network_filter(name))
    if isinstance(found, Unknown):
        reason = f"filter {name}: {found.reason}; virsh nwfilter-list there tells"
        return Check(_NAME, "not known", reason)
    if not found:
        reason = f"the destination has no network filter {name}: virsh nwfilter-define it there"
        return Check(_NAME, "fail", reason, True)
    return Check(_NAME, "pass", f"the destination has network filter {name}")
