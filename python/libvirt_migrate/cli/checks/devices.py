"""The check of devices that libvirt or QEMU do not migrate, from the definition alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

from .check import Check
from .source import Asked

_Rule = Callable[[ElementTree.Element], Iterator[str]]


def check_devices(xml: str, asked: Asked) -> Iterator[Check]:
    """What no libvirt migrates fails. Of what depends on releases, the source has the last word."""
    root = ElementTree.fromstring(xml)  # noqa: S314
    refused = [reason for rule in _REFUSED for reason in rule(root)]
    doubtful = [reason for rule in _DOUBTFUL for reason in rule(root)]
    for reason in refused:
        yield Check("devices", "fail", reason, True)
    if asked.would_begin and not refused:
        and_those = f", and so are {', '.join(doubtful)}" if doubtful else ""
        yield Check("devices", "pass", f"all are migrated by libvirt and QEMU at the source{and_those}")
        return
    for reason in doubtful:
        yield Check(
            "devices", "not known", f"{reason}: it depends on libvirt and QEMU whether it is migrated"
        )
    if not refused and not doubtful:
        yield Check("devices", "pass", "none is known that libvirt does not migrate")


def _shared_memory(root: ElementTree.Element) -> Iterator[str]:
    for shmem in root.iterfind("devices/shmem"):
        if shmem.get("role") != "master":
            yield f"the shared memory {shmem.get('name')} is not migrated: only that with role='master' is"


def _transient_disks(root: ElementTree.Element) -> Iterator[str]:
    for disk in root.iterfind("devices/disk"):
        if disk.find("transient") is not None:
            yield f"the transient disk {_target(disk)} is not migrated"


def _invariant_tsc(root: ElementTree.Element) -> Iterator[str]:
    """Not what a named model or the host's processor brings along, which libvirt knows."""
    wanted = any(
        feature.get("name") == "invtsc" and feature.get("policy", "require") in ("require", "force")
        for feature in root.iterfind("cpu/feature")
    )
    frequency = any(timer.get("frequency") for timer in root.iterfind("clock/timer[@name='tsc']"))
    if wanted and not frequency:
        yield "the processor's invtsc is not migrated unless <timer name='tsc' frequency='…'> is set"


def _host_devices(root: ElementTree.Element) -> Iterator[str]:
    for device in root.iterfind("devices/hostdev"):
        if not _is_unplugged(device) and device.get("type") != "usb":
            yield f"a host device of type {device.get('type')}"
    for interface in root.iterfind("devices/interface"):
        kind = interface.get("type", "")
        if kind == "vdpa" or (kind == "hostdev" and not _is_unplugged(interface)):
            yield f"an interface of type {kind}"


def _is_unplugged(device: ElementTree.Element) -> bool:
    """QEMU takes it from the guest before it moves, and its partner in a failover pair works on."""
    teaming = device.find("teaming")
    return teaming is not None and teaming.get("type") == "transient"


def _filesystems(root: ElementTree.Element) -> Iterator[str]:
    for filesystem in root.iterfind("devices/filesystem"):
        driver = filesystem.find("driver")
        kind = "virtiofs" if driver is not None and driver.get("type") == "virtiofs" else "9p"
        target = filesystem.find("target")
        yield f"the {kind} filesystem {'' if target is None else target.get('dir')}"


def _passed_through(root: ElementTree.Element) -> Iterator[str]:
    if root.find("devices/tpm/backend[@type='passthrough']") is not None:
        yield "the host's TPM"
    for card in root.iterfind("devices/smartcard"):
        if card.get("mode", "").startswith("host"):
            yield "the host's smartcard"
    if root.find("launchSecurity") is not None:
        yield "the memory's encryption"


def _accelerated_graphics(root: ElementTree.Element) -> Iterator[str]:
    if root.find("devices/video/model/acceleration[@accel3d='yes']") is not None:
        yield "3D acceleration"


def _target(disk: ElementTree.Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


#: libvirt 9.0 and 11.3 refuse these.
_REFUSED: tuple[_Rule, ...] = (_shared_memory, _transient_disks, _invariant_tsc)
_DOUBTFUL: tuple[_Rule, ...] = (_host_devices, _filesystems, _passed_through, _accelerated_graphics)
