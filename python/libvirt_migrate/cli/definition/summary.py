"""What the checks need to know of a definition. What only some of them need is in files beside this one."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from ... import Listener, listeners
from .quantities import size_of


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
    #: What listens, each socket once.
    listeners: tuple[Listener, ...] = ()
    #: The whole of it.
    xml: str = field(default="<domain/>", repr=False)
    root: ElementTree.Element = field(
        default_factory=lambda: ElementTree.Element("domain"), repr=False, compare=False
    )


def read_definition(xml: str) -> Definition:
    """Reads a definition."""
    # The document comes from libvirt, or was checked by this package.
    root = ElementTree.fromstring(xml)  # noqa: S314
    cpu = root.find("cpu")
    machine = root.find("os/type")
    attributes = {} if machine is None else machine.attrib
    memory = root.find("memory")
    return Definition(
        memory=0 if memory is None else size_of(memory),
        cpu=None if cpu is None else ElementTree.tostring(cpu, encoding="unicode").strip(),
        cpu_mode=None if cpu is None else cpu.get("mode", "custom"),
        hypervisor=(
            root.findtext("devices/emulator") or "",
            attributes.get("arch", ""),
            attributes.get("machine", ""),
            root.get("type", ""),
        ),
        disks=tuple(_disk(disk) for disk in root.iterfind("devices/disk")),
        listeners=_distinct(listeners(xml)),
        xml=xml,
        root=root,
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


def _distinct(found: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """Without the consoles that are serial ports: libvirt writes the first of these twice."""

    def socket(one: Listener) -> tuple[object, ...]:
        return (one.kind, one.attribute, one.protocol, one.address, one.network, one.port)

    serial = {socket(one) for one in found if one.device == "serial"}
    return tuple(one for one in found if one.device != "console" or socket(one) not in serial)


def host_cpu(capabilities: str) -> str | None:
    """The `<cpu>` of a host's capabilities."""
    cpu = ElementTree.fromstring(capabilities).find("host/cpu")  # noqa: S314
    return None if cpu is None else ElementTree.tostring(cpu, encoding="unicode").strip()


def host_uuid(capabilities: str) -> str | None:
    """The uuid of a host."""
    return ElementTree.fromstring(capabilities).findtext("host/uuid")  # noqa: S314
