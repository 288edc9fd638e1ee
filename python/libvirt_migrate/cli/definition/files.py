"""The files that a definition names, disks and firmware apart."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

from .network import interfaces_of
from .summary import Definition


@dataclass(frozen=True)
class File:
    """A file, and what it is for."""

    what: str
    path: str
    #: The guest's start makes it, so that only its folder has to be there.
    is_made: bool = False
    #: It is a device or a pipe, which must not be opened to see whether it is there.
    is_device: bool = False


#: Elements with a path as text.
_TEXTS = {
    "os/kernel": "the kernel",
    "os/initrd": "the initrd",
    "os/dtb": "the device tree",
    "os/acpi/table": "an ACPI table",
    "devices/smartcard/database": "the smartcard",
}
#: Elements with a path in an attribute.
_ATTRIBUTES = {
    ("devices/*/rom", "file"): "a device's ROM",
    ("sysinfo/entry", "file"): "sysinfo",
}
#: Elements with the path of a device.
_DEVICES = {
    ("devices/rng/backend[@model='random']", None): "the random number generator",
    ("devices/input/source", "evdev"): "an input device",
    ("devices/input/source", "dev"): "an input device",
    ("devices/graphics/gl", "rendernode"): "the display",
    ("devices/tpm/backend/device", "path"): "the TPM",
    ("devices/interface[@type='vdpa']/source", "dev"): "an interface",
}
#: What every host has.
_EVERYWHERE = ("/dev/random", "/dev/urandom")
_CHARACTER_DEVICES = ("serial", "console", "parallel", "channel", "redirdev", "smartcard")


def files_of(definition: Definition) -> tuple[File, ...]:
    """Each of them once."""
    found = {(file.path, file.is_made): file for file in _files(definition) if file.path}
    return tuple(file for file in found.values() if file.path not in _EVERYWHERE)


def _files(definition: Definition) -> Iterator[File]:
    root = definition.root
    for place, what in _TEXTS.items():
        yield from (File(what, (element.text or "").strip()) for element in root.iterfind(place))
    for (place, name), what in _ATTRIBUTES.items():
        yield from (File(what, element.get(name, "")) for element in root.iterfind(place))
    for (place, attribute), what in _DEVICES.items():
        for element in root.iterfind(place):
            path = (element.text or "") if attribute is None else element.get(attribute, "")
            yield File(what, path.strip(), is_device=True)
    for device in _CHARACTER_DEVICES:
        for element in root.iterfind(f"devices/{device}"):
            yield from _of_character_device(element, f"the {device}")
    for interface in interfaces_of(definition):
        if interface.script:
            yield File(str(interface), interface.script)
        if interface.socket:
            yield File(str(interface), interface.socket, is_made=interface.makes_socket)


def _of_character_device(element: ElementTree.Element, what: str) -> Iterator[File]:
    for log in element.iterfind("log"):
        yield File(f"{what}'s log", log.get("file", ""), is_made=True)
    kind, source = element.get("type"), element.find("source")
    path = "" if source is None else source.get("path", "")
    if kind == "file":
        yield File(what, path, is_made=True)
    elif kind == "unix" and source is not None:
        yield File(what, path, is_made=source.get("mode") == "bind")
    elif kind in ("dev", "pipe"):
        yield File(what, path, is_device=True)
