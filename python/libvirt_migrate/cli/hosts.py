"""Reaching hosts and guests, with errors that say which one."""

from __future__ import annotations

import shlex

from .. import Guest, Host, LibvirtError
from .._mask import mask
from .errors import UserError, explain, repeatable
from .terminal.waiting import interruptible

#: How long connecting may take, s; `None` for the library's own limit. One for all connections of a command.
_limit: float | None = None


def connect_within(seconds: float | None) -> None:
    """Gives every connection from now on so much time."""
    global _limit
    _limit = seconds


def open_host(uri: str | None, *, role: str = "the host") -> Host:
    """The host at this URI."""
    try:
        return interruptible(lambda: Host.open(uri, timeout=_limit))
    except LibvirtError as error:
        raise UserError(f"{role} at {show_uri(uri)} cannot be reached: {explain(error)}") from None


def uri_of(host: Host, uri: str | None) -> str | None:
    """The URI that the connection has: libvirt's default is whatever the environment and libvirt.conf say."""
    try:
        return host.uri
    except LibvirtError:
        return uri


def find_guest(host: Host, uri: str | None, name: str) -> Guest:
    """The guest of this name or uuid."""
    guest = host.guest(name)
    if guest is None:
        raise UserError(
            f"no guest {name!r} at {show_uri(uri)}; libvirt-migrate status{from_option(uri)} lists the guests"
        )
    return guest


def own_guest(guest: Guest, uri: str | None) -> Guest:
    """The same guest over a connection of its own, for a migration: other calls must not wait for it."""
    return Guest.open(guest.uuid, uri, timeout=_limit)


def show_uri(uri: str | None) -> str:
    """A URI without secrets."""
    return "libvirt's default" if uri is None else mask(uri)


def show_route(source: str | None, destination: str | None) -> str:
    """From where to where, as far as it is known."""
    return f"from {show_uri(source)}" + ("" if destination is None else f" to {show_uri(destination)}")


def from_option(uri: str | None) -> str:
    """The option for a command that is suggested."""
    return "" if uri is None else f" --from {shlex.quote(repeatable(uri))}"


def suggested(command: str, guest: str, uri: str | None, *more: str) -> str:
    """A command about a guest that a person can type as it stands, whatever the guest's name is."""
    options, words = from_option(uri), shlex.join((guest, *more))
    if guest.startswith("-"):
        return f"libvirt-migrate {command}{options} -- {words}"
    return f"libvirt-migrate {command} {words}{options}"


def version_text(host: Host) -> str:
    """The version of a host's libvirt."""
    return ".".join(map(str, host.libvirt_version))
