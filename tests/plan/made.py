"""What a situation makes on a host: bridges, networks, files, secrets. All of it goes with the stage."""

from __future__ import annotations

import contextlib
from typing import Any

import libvirt

from libvirt_migrate.lab import Host

from .frame import Stage

#: A folder of each host's own.
FOLDER = "/var/lib/libvirt/images"
#: Firmware that starts the lab's guest, as code and in place of variables.
BIOS = "/usr/share/seabios/bios-256k.bin"


def bridge(stage: Stage, host: Host, name: str, address: str | None = None) -> None:
    """A bridge with nothing on it."""
    link(stage, host, name, "type", "bridge")
    if address is not None:
        host.run("ip", "address", "add", address, "dev", name)


def link(stage: Stage, host: Host, name: str, *words: str) -> None:
    """A network device."""
    host.run("ip", "link", "add", name, *words)
    stage.clean.callback(host.run, "ip", "link", "delete", name)


def network(stage: Stage, host: Host, name: str, bridge: str, *, active: bool = True) -> None:
    """A virtual network that is on a bridge of the host's."""
    xml = f"<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/></network>"
    made = host.connection().networkDefineXML(xml)
    stage.clean.callback(_forget, made)
    if active:
        made.create()


def _forget(made: Any) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        made.destroy()
    made.undefine()


def file(stage: Stage, host: Host, name: str, source: str = BIOS) -> str:
    """A copy of a file in a folder that the hosts do not share; returns its path."""
    path = f"{FOLDER}/{name}"
    host.run("install", "-D", source, path)
    stage.clean.callback(host.run, "rm", "-f", path)
    return path


def folder(stage: Stage, host: Host, name: str) -> str:
    """A folder that the hosts do not share; returns its path."""
    path = f"{FOLDER}/{name}"
    host.run("install", "-d", path)
    stage.clean.callback(host.run, "rm", "-rf", path)
    return path


def secret(stage: Stage, host: Host, uuid: str, value: bytes) -> None:
    """A secret with a value."""
    made = host.connection().secretDefineXML(f"<secret private='yes'><uuid>{uuid}</uuid></secret>")
    stage.clean.callback(made.undefine)
    made.setValue(value)


def interface(kind: str, source: str, more: str = "") -> str:
    """An interface that is connected to something of the host's."""
    mac = "<mac address='52:54:00:00:00:07'/>"
    return f"<interface type='{kind}'>{mac}{source}<model type='e1000'/>{more}</interface>"
