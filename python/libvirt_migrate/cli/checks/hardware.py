"""The check of devices that are passed through: the destination has them."""

from __future__ import annotations

from collections.abc import Iterator

from ... import Host
from ..definition.hardware import Hardware, hardware_of, keys_of
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check

_NAME = "hardware"


def check_hardware(host: Host, definition: Definition) -> Iterator[Check]:
    """Each device of the source's that the guest has is one of the destination's too."""
    for device in hardware_of(definition):
        yield _unnamed(device) if isinstance(device, str) else _device(host, device)


def _unnamed(what: str) -> Check:
    return Check(_NAME, "not known", f"does the destination have {what}?")


def _device(host: Host, device: Hardware) -> Check:
    devices = ask(lambda: host.node_devices(device.capability))
    if isinstance(devices, Unknown):
        reason = f"does the destination have {device.what}? {devices.reason}"
        return Check(_NAME, "not known", reason)
    there = {key for xml in devices for key in keys_of(xml, by_address=device.by_address)}
    if device.key in there:
        return Check(_NAME, "pass", f"the destination has {device.what}")
    advice = f": --set {device.field}=OTHER gives it another one" if device.field else ""
    return Check(_NAME, "fail", f"the destination has no {device.what}{advice}")
