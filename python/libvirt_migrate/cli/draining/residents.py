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


def returning(gone: list[Gone]) -> tuple[list[Resident], dict[str, str]]:
    """Those that are still where they went, and of each other one why it does not come back, by name."""
    found, missing = [], {}
    hosts: dict[str, Host] = {}
    for one in gone:
        try:
            if one.destination not in hosts:
                hosts[one.destination] = open_host(one.destination, role="the destination of the drain")
            guest = hosts[one.destination].guest(one.uuid)
        except (LibvirtError, UserError) as error:
            missing[one.name] = explain(error)
            continue
        if guest is None or not guest.is_active:
            missing[one.name] = f"does not run at {show_uri(one.destination)} any more"
        else:
            memory = read_definition(guest.xml()).memory
            found.append(Resident(guest.name, one.uuid, memory, one.destination))
    return found, missing
