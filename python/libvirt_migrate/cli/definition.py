"""What the checks need to know of a definition."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Disk:
    """A disk."""

    target: str
    #: file, block, network, volume, …
    kind: str
    #: The path of a file or block device.
    source: str | None
    read_only: bool


@dataclass(frozen=True)
class Definition:
    """A definition that libvirt wrote."""

    #: Bytes.
    memory: int
    #: The `<cpu>` element, if there is one, and its mode.
    cpu: str | None
    cpu_mode: str | None
    #: Emulator, architecture, machine, domain type, as far as they are given.
    hypervisor: tuple[str, str, str, str]
    disks: tuple[Disk, ...] = ()
    #: What listens, and at which address.
    listeners: tuple[tuple[str, str], ...] = field(default=())


def read_definition(xml: str) -> Definition:
    """Reads a definition."""
    # The document comes from libvirt, or was checked by this package.
    root = ElementTree.fromstring(xml)  # noqa: S314
    cpu = root.find("cpu")
    machine = root.find("os/type")
    attributes = {} if machine is None else machine.attrib
    return Definition(
        memory=int(root.findtext("memory") or 0) * 1024,
        cpu=None if cpu is None else ElementTree.tostring(cpu, encoding="unicode").strip(),
        cpu_mode=None if cpu is None else cpu.get("mode", "custom"),
        hypervisor=(
            root.findtext("devices/emulator") or "",
            attributes.get("arch", ""),
            attributes.get("machine", ""),
            root.get("type", ""),
        ),
        disks=tuple(_disk(disk) for disk in root.iterfind("devices/disk")),
        listeners=tuple(dict.fromkeys(_listeners(root))),
    )


def _disk(disk: ElementTree.Element) -> Disk:
    source, target = disk.find("source"), disk.find("target")
    paths = {} if source is None else source.attrib
    return Disk(
        target="" if target is None else target.get("dev", ""),
        kind=disk.get("type", "file") if paths else "empty",
        source=paths.get("file") or paths.get("dev"),
        read_only=disk.find("readonly") is not None,
    )


def _listeners(root: ElementTree.Element) -> list[tuple[str, str]]:
    found = []
    for graphics in root.iterfind("devices/graphics"):
        addresses = [
            graphics.get("listen"),
            *(listen.get("address") for listen in graphics.iterfind("listen")),
        ]
        found += [(graphics.get("type", "graphics"), address) for address in addresses if address]
    for kind in ("serial", "console", "channel"):
        for source in root.iterfind(f"devices/{kind}[@type='tcp']/source"):
            if source.get("mode") == "bind" and source.get("host"):
                found.append((kind, source.get("host", "")))
    return found


def host_cpu(capabilities: str) -> str | None:
    """The `<cpu>` of a host's capabilities."""
    cpu = ElementTree.fromstring(capabilities).find("host/cpu")  # noqa: S314
    return None if cpu is None else ElementTree.tostring(cpu, encoding="unicode").strip()


def host_uuid(capabilities: str) -> str | None:
    """The uuid of a host."""
    return ElementTree.fromstring(capabilities).findtext("host/uuid")  # noqa: S314
