"""The check of the addresses that a guest listens at."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from ... import Listener
from ..definition.summary import Definition
from ..uris import host_of
from .check import Check, Pair
from .listening import moving_address, show_listener
from .names import addresses_of

_NAME = "addresses"
_COMMANDLINE = "{http://libvirt.org/schemas/domain/qemu/1.0}commandline"


def check_addresses(pair: Pair, definition: Definition) -> Iterator[Check]:
    """What listens can listen there."""
    hosts = _Hosts.of(pair)
    # A network's own address is a matter of the network.
    fixed = [one for one in definition.listeners if one.network is None]
    # One that listens where the host's settings say follows the host.
    checks = [_check(one, one.address, definition, hosts) for one in fixed if one.address is not None]
    if definition.root.find(_COMMANDLINE) is not None:
        reason = "<qemu:commandline> may listen too: what is in it stays as it is"
        checks.append(Check(_NAME, "not known", reason))
    # Ports of one device have one address.
    yield from dict.fromkeys(checks)
    if not checks:
        what = "nothing of the guest listens at an address of its own"
        yield Check(_NAME, "pass", what if definition.listeners else "nothing of the guest listens")


@dataclass(frozen=True)
class _Hosts:
    """The IP addresses of the two hosts, as far as their URIs tell."""

    here: set[str]
    there: set[str]
    #: The source is this machine, whose addresses can be tried.
    local: bool

    @classmethod
    def of(cls, pair: Pair) -> _Hosts:
        source, there = host_of(pair.source_uri), addresses_of(host_of(pair.destination_uri))
        return cls(addresses_of(source) - there, there, source is None)

    def are_source(self, found: set[str]) -> bool:
        """Whether one of these is the source's and not the destination's."""
        if found & self.here:
            return True
        return self.local and any(_is_ours(address) for address in found - self.there)


def _check(listener: Listener, address: str, definition: Definition, hosts: _Hosts) -> Check:
    what, found = f"{_whole(listener)} listens at {address}", addresses_of(address)
    if not found:
        return Check(_NAME, "not known", f"{what}, which has no address here")
    if all(is_everywhere(one) for one in found):
        return Check(_NAME, "pass", f"{what}, which every host has")
    if found <= hosts.there:
        return Check(_NAME, "pass", f"{what}, which is the destination's")
    field = moving_address(definition.xml, listener)
    advice = f"--set {field}={{host}}" if field else "no --set changes it, only another definition"
    if hosts.are_source(found):
        return Check(_NAME, "fail", f"{what}, which is the source's: {advice}")
    return Check(_NAME, "not known", f"{what}: does the destination have that?")


def _whole(listener: Listener) -> str:
    """The device, whichever of its ports it is."""
    return show_listener(listener).partition("'s ")[0]


def is_everywhere(address: str) -> bool:
    """Whether it is one that each host has: any, or its own loop."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_unspecified or parsed.is_loopback


def _is_ours(address: str) -> bool:
    """Whether this machine has the address: only then a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True
