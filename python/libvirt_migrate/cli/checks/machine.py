"""The check of a guest's machine type, which cannot change while it runs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from ... import Host, LibvirtError
from ..definition.summary import Definition
from ..errors import one_line
from .check import Check

#: What a domain type needs of its host.
_ADVICE = {"kvm": ": is /dev/kvm there, and virtualization enabled in its firmware?"}
#: A versioned type: pc-q35-7.2, pc-i440fx-rhel7.6.0, virt-9.1.
_VERSIONED = re.compile(r"(.*?)((?:\d+\.)+\d+)$")


def check_machine(destination: Host, definition: Definition) -> Check:
    """The destination's QEMU has the guest's machine type."""
    emulator, arch, machine, kind = definition.hypervisor
    try:
        capabilities = destination.capabilities()
    except LibvirtError as error:
        return Check("machine", "not known", one_line(str(error)))
    kinds = domain_types(capabilities, arch)
    if kinds and kind not in kinds:
        what = f"the destination runs no guests of type {kind} for {arch}, only {' and '.join(sorted(kinds))}"
        return Check("machine", "fail", f"{what}{_ADVICE.get(kind, '')}", True)
    found = machines(capabilities, arch, emulator)
    if not machine:
        return Check("machine", "pass", "the guest asks for none")
    if not found:
        return Check("machine", "not known", f"the destination does not tell the machine types of {arch}")
    if machine in found:
        return Check("machine", "pass", f"the destination has {machine}")
    other = nearest(machine, found)
    what = f"the destination has no machine type {machine}"
    if other is not None:
        what += f"; the nearest that it has is {other}, which the guest can get only while it is shut off"
    return Check("machine", "fail", what, True)


def domain_types(capabilities: str, arch: str) -> set[str]:
    """The domain types that a host runs for an architecture, whichever emulator does: kvm, qemu."""
    root = ElementTree.fromstring(capabilities)  # noqa: S314
    places = (place for place in root.iterfind("guest/arch") if place.get("name") == arch)
    return {part.get("type", "") for place in places for part in place.iterfind("domain")}


def machines(capabilities: str, arch: str, emulator: str) -> tuple[str, ...]:
    """The machine types of a host for an architecture; none where it tells them of another emulator only."""
    found: dict[str, None] = {}
    for place in ElementTree.fromstring(capabilities).iterfind("guest/arch"):  # noqa: S314
        # A domain type may have an emulator and machine types of its own.
        for part in (place, *place.iterfind("domain")):
            its = part.findtext("emulator") or place.findtext("emulator")
            if place.get("name") == arch and emulator in ("", its):
                found |= dict.fromkeys(machine.text or "" for machine in part.iterfind("machine"))
    return tuple(found)


def nearest(machine: str, found: tuple[str, ...]) -> str | None:
    """Of the same kind the newest that is no newer, or else the oldest that is newer."""
    kind, version = _split(machine)
    same = sorted((_split(name)[1], name) for name in found if _split(name)[1] and _split(name)[0] == kind)
    # A type without a version, for instance of a distribution's own, is as new as the newest.
    older = [name for number, name in same if not version or number <= version]
    newer = [name for number, name in same if version and number > version]
    return older[-1] if older else newer[0] if newer else None


def _split(machine: str) -> tuple[str, tuple[int, ...]]:
    match = _VERSIONED.match(machine)
    if match is None:
        return f"{machine.rpartition('-')[0]}-", ()
    kind, version = match.groups()
    return kind, tuple(int(part) for part in version.split("."))
