"""The devices of its host that a definition passes through."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .summary import Definition

#: The capability that a host lists such devices by.
Capability = Literal["pci", "usb_device", "mdev", "scsi"]
#: What names a device among those of its capability: numbers, or a uuid.
Key = tuple[int | str, ...]


@dataclass(frozen=True)
class Hardware:
    """A device of the host."""

    capability: Capability
    key: Key
    #: In words.
    what: str
    #: USB devices are named by where they are, or by what they are.
    by_address: bool = True
    #: The field of `--set` that names another one, where there is one.
    field: str | None = None


def hardware_of(definition: Definition) -> tuple[Hardware | str, ...]:
    """The devices; one that cannot be told among the host's is only said in words."""
    root = definition.root
    found: list[Hardware | str] = []
    for device in root.iterfind("devices/hostdev"):
        found += _hostdev(device)
    for interface in root.iterfind("devices/interface[@type='hostdev']/source/address[@type='pci']"):
        # The field that changes PCI devices leaves interfaces to another one.
        found.append(replace(_pci(interface), field=None))
    return tuple(dict.fromkeys(found))


def _hostdev(device: ElementTree.Element) -> Iterator[Hardware | str]:
    kind, source = device.get("type", ""), device.find("source")
    address = None if source is None else source.find("address")
    if source is None:
        return
    if kind == "pci" and address is not None:
        yield _pci(address)
    elif kind == "mdev" and address is not None:
        uuid = address.get("uuid", "")
        yield Hardware("mdev", (_plain(uuid),), f"mediated device {uuid}", field=f"mdevs.{uuid}")
    elif kind == "usb":
        yield _usb(source, address)
    elif kind == "scsi" and address is not None and (adapter := source.find("adapter")) is not None:
        name = adapter.get("name", "")
        host = name.removeprefix("scsi_host")
        numbers = (_number(address.get(part)) for part in ("bus", "target", "unit"))
        key = (_number(host), *numbers)
        yield Hardware("scsi", key, f"SCSI device {':'.join(map(str, key))}")
    else:
        yield f"the host device of type {kind}"


def _pci(address: ElementTree.Element) -> Hardware:
    key = tuple(_number(address.get(part)) for part in ("domain", "bus", "slot", "function"))
    name = "{:04x}:{:02x}:{:02x}.{:x}".format(*key)
    return Hardware("pci", key, f"PCI device {name}", field=f"pci.{name}")


def _usb(source: ElementTree.Element, address: ElementTree.Element | None) -> Hardware:
    vendor, product = source.find("vendor"), source.find("product")
    if vendor is not None and product is not None:
        key = (_number(vendor.get("id")), _number(product.get("id")))
        return Hardware("usb_device", key, "USB device {:04x}:{:04x}".format(*key), by_address=False)
    place = {} if address is None else address.attrib
    key = (_number(place.get("bus")), _number(place.get("device")))
    return Hardware("usb_device", key, f"USB device {key[1]} of bus {key[0]}")


def keys_of(xml: str, *, by_address: bool) -> Iterator[Key]:
    """What a device that a host lists is named by."""
    root = ElementTree.fromstring(xml)  # noqa: S314
    for capability in root.iterfind("capability"):
        kind = capability.get("type")

        def numbers(*names: str, within: ElementTree.Element = capability) -> Key:
            return tuple(_number(within.findtext(name)) for name in names)

        if kind == "pci":
            yield numbers("domain", "bus", "slot", "function")
        elif kind == "scsi":
            yield numbers("host", "bus", "target", "lun")
        elif kind == "usb_device" and by_address:
            yield numbers("bus", "device")
        elif kind == "usb_device":
            yield tuple(_number(_id(capability, name)) for name in ("vendor", "product"))
        elif kind == "mdev":
            # Before libvirt told the uuid, the name of the device had it.
            text = capability.findtext("uuid") or (root.findtext("name") or "").removeprefix("mdev_")
            yield (_plain(text)[:32],)


def _id(capability: ElementTree.Element, name: str) -> str | None:
    element = capability.find(name)
    return None if element is None else element.get("id")


def _number(text: str | None) -> int:
    try:
        return int((text or "0").strip(), 0)
    except ValueError:
        return int(digits) if (digits := re.sub(r"\D", "", text or "")) else 0


def _plain(uuid: str) -> str:
    """A uuid without what divides its digits."""
    return re.sub(r"[-_]", "", uuid).lower()
