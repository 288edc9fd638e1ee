"""The checks of the ways that a migration is asked to take: addresses for its data, and TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ... import MigrateFlags, MigrateParams
from ..errors import one_line
from ..uris import host_of
from .check import Check, Pair
from .names import addresses_of


def check_data(pair: Pair, params: MigrateParams) -> Iterator[Check]:
    """Addresses that are asked for are the destination's, and both QEMUs have what TLS needs."""
    there = addresses_of(host_of(pair.destination_uri))
    for name in ("migrate_uri", "disks_uri"):
        uri = params.get(name)
        if uri is not None and host_of(uri):
            yield _check_address(name, host_of(uri) or "", there, one_line(uri))
    address = params.get("listen_address")
    if address is not None:
        yield _check_address("listen_address", address, there, address)
    if MigrateFlags.TLS in params.flags:
        reason = "whether QEMU has certificates at both hosts (libvirt-migrate help getting-started)"
        yield Check("data", "not known", reason)


def _check_address(name: str, host: str, there: set[str], shown: str) -> Check:
    option = f"--{name.replace('_', '-')} {shown}"
    found = addresses_of(host)
    listens = name == "listen_address"
    if found and listens and all(ipaddress.ip_address(one).is_unspecified for one in found):
        return Check("data", "pass", f"{option}: every host has that")
    if found and found <= there:
        return Check("data", "pass", f"{option}: that is the destination's")
    question = (
        "does the destination have that?" if listens else "does the source reach the destination there?"
    )
    return Check("data", "not known", f"{option}: {question}")
