"""The check of what a guest uses of its host, from the definition alone: the destination needs its own."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from .checking import Check

#: Character devices, and where their `<source>` says what of the host they are.
_CHARACTER = ("serial", "parallel", "console", "channel", "rng/backend", "redirdev", "smartcard")


def check_host_devices(xml: str) -> Iterator[Check]:
    """Each device, file and socket of the host that the guest uses besides its disks is told."""
    root = ElementTree.fromstring(xml)  # noqa: S314
    found = list(dict.fromkeys(host_devices(root)))
    for what in found:
        yield Check("host-devices", "not known", f"{what}: does the destination have it?")
    if not found:
        yield Check("host-devices", "pass", "the guest uses none of its host's devices, files and sockets")


def host_devices(root: ElementTree.Element) -> Iterator[str]:
    """What a definition uses of a host, in words."""
    for device in root.iterfind("devices/hostdev"):
        yield f"the host's {device.get('type')} device{_address(device)}"
    for interface in root.iterfind("devices/interface[@type='hostdev']"):
        yield f"the host's network device{_address(interface)}"
    for interface in root.iterfind("devices/interface"):
        source = interface.find("source")
        if interface.get("type") in ("vhostuser", "vdpa") and source is not None:
            yield f"the interface's {source.get('path') or source.get('dev')}"
    for filesystem in root.iterfind("devices/filesystem/source"):
        path = filesystem.get("dir") or filesystem.get("file") or filesystem.get("socket")
        if path:
            yield f"the folder {path}"
    for file in root.iterfind("devices/memory/source/path"):
        yield f"the memory's file {file.text}"
    for device in root.iterfind("devices/tpm/backend[@type='passthrough']/device"):
        yield f"the TPM {device.get('path')}"
    for source in root.iterfind("devices/input/source"):
        yield f"the input device {source.get('dev') or source.get('evdev')}"
    yield from _character_devices(root)


def _character_devices(root: ElementTree.Element) -> Iterator[str]:
    for kind in _CHARACTER:
        for device in root.iterfind(f"devices/{kind}"):
            source = device.find("source")
            path = None if source is None else source.get("path")
            # A device of the host, or a socket at which another program of it listens.
            connects = source is not None and source.get("mode") == "connect" and device.get("type") == "unix"
            if path and (device.get("type") in ("dev", "pipe") or connects):
                yield f"{kind.partition('/')[0]} {path}"
    for backend in root.iterfind("devices/rng/backend[@model='random']"):
        if backend.text and backend.text.strip() not in ("/dev/random", "/dev/urandom", "/dev/hwrng"):
            yield f"the random numbers of {backend.text.strip()}"


def _address(device: ElementTree.Element) -> str:
    """The address or the numbers of a device, as libvirt writes them."""
    source = device.find("source")
    if source is None:
        return ""
    ids = [part.get("id", "") for part in (source.find("vendor"), source.find("product")) if part is not None]
    address = source.find("address")
    if ids:
        return f" {':'.join(ids)}"
    if address is None:
        adapter = source.find("adapter")
        return "" if adapter is None else f" {adapter.get('name')}"
    if address.get("uuid"):
        return f" {address.get('uuid')}"
    names = [name for name in ("domain", "bus", "slot", "function", "device") if address.get(name)]
    return " " + " ".join(f"{name} {address.get(name)}" for name in names)
