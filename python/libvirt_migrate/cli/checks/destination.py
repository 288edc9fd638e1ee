"""The checks of what the destination has for a guest, now and when the guest starts there the next time.

A check of what a guest does not have is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..definition.summary import Definition
from .addresses import check_addresses
from .check import Check, Pair
from .files import check_files
from .firmware import check_firmware
from .hardware import check_hardware
from .memory import check_memory
from .networks import check_networks
from .placement import check_placement
from .ports import check_ports
from .secrets import check_secrets
from .security import check_security

#: The check that the next start's are told as.
_NEXT = "persistent-definition"


def check_destination(pair: Pair, definition: Definition) -> Iterator[Check]:
    """What the guest needs when it arrives."""
    yield from _lasting(pair, definition)
    yield from check_ports(pair.destination, pair.guest, definition)
    yield from check_memory(pair.destination, definition)


def check_next_start(pair: Pair, now: Iterable[Check], persistent: Definition) -> Iterator[Check]:
    """What its persistent definition lacks there, and what is not known besides what was said of `now`."""
    known = {(check.name, check.reason) for check in now}
    for check in _lasting(pair, persistent):
        if check.result == "pass" or (check.result == "not known" and (check.name, check.reason) in known):
            continue
        said = "the next start would fail" if check.result == "fail" else "the next start"
        yield Check(_NEXT, check.result, f"{said}: {check.reason}")


def _lasting(pair: Pair, definition: Definition) -> Iterator[Check]:
    """What does not change by itself from one moment to the next."""
    host = pair.destination
    yield from check_addresses(pair, definition)
    yield from check_networks(host, definition)
    yield from check_firmware(host, definition)
    yield from check_files(host, definition)
    yield from check_secrets(host, definition)
    yield from check_hardware(host, definition)
    yield from check_placement(host, definition)
    yield from check_security(host, definition)
