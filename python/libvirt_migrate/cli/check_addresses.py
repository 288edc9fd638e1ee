"""The check of what a guest listens at."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from .checking import Check, Pair
from .definition import Definition
from .request import host_of


def check_addresses(pair: Pair, definition: Definition) -> Iterator[Check]:
    """What listens can listen there."""
    if not definition.listeners:
        yield Check("addresses", "pass", "nothing of the guest listens")
        return
    hosts = _Hosts.of(pair)
    for kind, address in definition.listeners:
        yield _check_address(kind, address, hosts)


def left_behind(pair: Pair, definition: Definition) -> str | None:
    """Why the destination could not start a definition: something in it listens at the source's address."""
    hosts = _Hosts.of(pair)
    for kind, address in definition.listeners:
        check = _check_address(kind, address, hosts)
        if check.result == "fail":
            return check.reason
    return None


@dataclass(frozen=True)
class _Hosts:
    """The IP addresses of the two hosts, as far as their URIs tell."""

    here: set[str]
    there: set[str]
    #: The source is this machine, whose addresses can be tried.
    local: bool

    @classmethod
    def of(cls, pair: Pair) -> _Hosts:
        source, there = host_of(pair.source_uri), _addresses(host_of(pair.destination_uri))
        return cls(_addresses(source) - there, there, source is None)

    def are_source(self, found: set[str]) -> bool:
        """Whether one of these is the source's and not the destination's."""
        if found & self.here:
            return True
        return self.local and any(_is_ours(address) for address in found - self.there)


def _check_address(kind: str, address: str, hosts: _Hosts) -> Check:
    found = _addresses(address)
    if not found:
        return Check("addresses", "not known", f"{kind} listens at {address}, which has no address here")
    if all(_is_everywhere(one) for one in found):
        return Check("addresses", "pass", f"{kind} listens at {address}, which every host has")
    if found <= hosts.there:
        return Check("addresses", "pass", f"{kind} listens at {address}, which is the destination's")
    if hosts.are_source(found):
        change = "serial.address" if kind in ("serial", "console") else "graphics.listen"
        reason = f"{kind} listens at {address}, which is the source's: --set {change}={{host}}"
        return Check("addresses", "fail", reason)
    return Check("addresses", "not known", f"{kind} listens at {address}: does the destination have that?")


def _is_everywhere(address: str) -> bool:
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


def _addresses(host: str | None) -> set[str]:
    """The IP addresses of a host by its name, or the one that it is."""
    if host is None:
        return set()
    try:
        return {str(ipaddress.ip_address(str(found[4][0]))) for found in socket.getaddrinfo(host, None)}
    except (OSError, ValueError, UnicodeError):
        return set()
