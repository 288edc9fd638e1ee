"""What names of hosts stand for."""

from __future__ import annotations

import ipaddress
import socket


def addresses_of(host: str | None) -> set[str]:
    """The IP addresses of a host by its name, or the one that it is."""
    if host is None:
        return set()
    try:
        return {str(ipaddress.ip_address(str(found[4][0]))) for found in socket.getaddrinfo(host, None)}
    except (OSError, ValueError, UnicodeError):
        return set()
