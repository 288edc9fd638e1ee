"""Hosts and definitions for the checks: they answer what a test wants."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from libvirt_migrate import LibvirtError
from libvirt_migrate.cli.checks.check import Pair
from libvirt_migrate.cli.definition.summary import read_definition

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
XML = f"""<domain type='kvm'><name>vm</name><uuid>{UUID}</uuid><memory>4194304</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>{{more}}<devices>{{devices}}</devices></domain>"""
CAPABILITIES = "<capabilities><host><uuid>x</uuid>{cpu}</host></capabilities>"
ADDRESSES = {"host1": "192.0.2.1", "host2": "192.0.2.2"}


def definition(devices: str = "", more: str = "") -> Any:
    return read_definition(XML.format(devices=devices, more=more))


def refusal(code: int, message: str = "as said") -> LibvirtError:
    return LibvirtError((code, 0, message, 2, None, None, None, 0, 0))


def answering(result: Any) -> Any:
    """A method that returns this, or raises it."""

    def method(*_: Any, **__: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return method


def pair(source: Any = None, destination: Any = None, guest: Any = None, **uris: Any) -> Pair:
    where = {"source_uri": "qemu+tcp://host1/system", "destination_uri": "qemu+tcp://host2/system", **uris}
    return Pair(guest, source, destination, **where)


def known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names lead where ADDRESSES says, and no name server is asked."""
    real = socket.getaddrinfo

    def look_up(host: str, port: None) -> Any:
        return real(ADDRESSES.get(host, host), port, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr("socket.getaddrinfo", look_up)
