"""Who is to go, from where, and what places there are."""

from __future__ import annotations

from dataclasses import dataclass

from ... import Host, LibvirtError
from ..definition.summary import host_uuid, read_definition
from ..errors import UserError, explain
from ..hosts import open_host, show_uri
from .ledger import Gone
from .placing import Place


@dataclass(frozen=True)
class Resident:
    """A guest that is to go elsewhere."""

    name: str
    uuid: str
    #: Bytes.
    memory: int
    #: The URI of the host where it is.
    host: str


def residents_of(host: Host, uri: str) -> list[Resident]:
    """The guests that run there."""
    return [
        Resident(guest.name, guest.uuid, read_definition(guest.xml()).memory, uri)
        for guest in host.guests(active=True)
    ]


def places_at(uris: list[str], own: str | None) -> list[Place]:
    """The destinations with their free memory. Raises UserError for the host of this uuid itself."""
    places = []
    for uri in dict.fromkeys(uris):
        host = open_host(uri, role="the destination")
        if host_uuid(host.capabilities()) == own:
            raise UserError(f"the destination {show_uri(uri)} is the host to drain: give another one")
        places.append(Place(uri, host.free_memory))
    return places


@dataclass(frozen=True)
class Missing:
    """A guest that cannot come back."""

    name: str
    uuid: str
    reason: str
    #: It is not defined at the host where it went: nothing is left to bring back from there.
    is_gone: bool = False


def returning(gone: list[Gone]) -> tuple[list[Resident], list[Missing]]:
    """Those that still run where they went, and why the others do not come back."""
    found, missing = [], []
    hosts: dict[str, Host] = {}
    for one in gone:
        try:
            if one.destination not in hosts:
                hosts[one.destination] = open_host(one.destination, role="the destination of the drain")
            guest = hosts[one.destination].guest(one.uuid)
            if guest is not None and guest.is_active:
                memory = read_definition(guest.xml()).memory
                found.append(Resident(guest.name, one.uuid, memory, one.destination))
                continue
        except (LibvirtError, UserError) as error:
            missing.append(Missing(one.name, one.uuid, explain(error)))
            continue
        where = show_uri(one.destination)
        reason = f"is not at {where} any more" if guest is None else f"does not run at {where}"
        missing.append(Missing(one.name, one.uuid, reason, is_gone=guest is None))
    return found, missing
