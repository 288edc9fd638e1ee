"""What listens, in words, and which `--set` moves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ... import InvalidDomainXml, InvalidParameter, Listener, Retarget, listeners, retarget_xml
from ..errors import UserError
from ..request import set_field

#: An address for documents (RFC 5737), to see whether an option puts it in place.
_TRIED = "192.0.2.254"
#: A port that no definition has by chance.
_TRIED_PORT = 60999


def show_listener(listener: Listener) -> str:
    """Which one it is."""
    if listener.device == "graphics":
        other = listener.attribute != "port"
        return f"{listener.kind}'s {listener.attribute}" if other else listener.kind
    return f"{listener.device}{f' {listener.index}' if listener.index else ''}"


def moving_address(xml: str, listener: Listener) -> str | None:
    """The field of `--set` that changes the address of a listener of this definition, where there is one."""
    for field in _address_fields(listener):
        changed = _after(xml, listener, field, _TRIED)
        if changed is not None and changed.address == _TRIED:
            return field
    return None


def moving_port(xml: str, listener: Listener) -> str | None:
    """What `--set` takes to change its port, with PORT for the new one, where there is such a field."""
    for assignment in _port_assignments(listener):
        field, _, value = assignment.replace("PORT", str(_TRIED_PORT)).partition("=")
        changed = _after(xml, listener, field, value)
        if changed is not None and changed.port == _TRIED_PORT:
            return assignment
    return None


def _address_fields(listener: Listener) -> Iterator[str]:
    if listener.device == "graphics":
        yield from ("graphics.listen", f"graphics.{listener.kind}")
    yield from ("serial.address", "listeners.address")


def _port_assignments(listener: Listener) -> Iterator[str]:
    if listener.device == "graphics":
        # tlsPort is tls_port there.
        name = re.sub("([A-Z])", r"_\1", listener.attribute).lower()
        yield f"graphics.{listener.kind}_{name}=PORT"
    yield f'listeners.ports={{"{listener.port}":PORT}}'


def _after(xml: str, listener: Listener, field: str, value: str) -> Listener | None:
    """The same listener with an option applied; nothing where there is no such option, or it does not fit."""
    fields: dict[str, Any] = {}
    try:
        set_field(fields, f"{field}={value}")
        changed = listeners(retarget_xml(xml, Retarget.from_dict(fields)))
    except (UserError, InvalidParameter, InvalidDomainXml):
        return None
    before = listeners(xml)
    return changed[before.index(listener)] if len(changed) == len(before) else None
