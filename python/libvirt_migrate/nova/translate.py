"""Nova's `migrate_data` and what comes with it, as the plain value that a definition is retargeted with.

One function for each part, named like the field of `Retarget` that it fills; each returns `None` where that
part of the definition stays as it is. Nothing here looks at the definition but to skip devices that it does
not have: Nova's callbacks may fail for those (an SR-IOV interface that was detached before, say).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from nova import objects
from nova.storage import rbd_utils
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from . import release

LOG = logging.getLogger(__name__)

#: Serials and MAC addresses in libvirt's form. They only decide which callbacks are called; what is found
#: in the definition, and whether it is a disk's or an interface's, is for the retargeting itself.
_SERIAL = re.compile(r"<serial>([^<]*)</serial>")
_MAC = re.compile(r"<mac\s+address=['\"]([^'\"]*)")

#: What a part of `Retarget` is given as: its JSON form.
Part = Any
#: Nova's callbacks: they return an object with `to_xml()`.
GetConfig = Callable[..., Any]


def graphics(migrate_data: Any) -> Part:
    """The destination's listen addresses of VNC and SPICE; one that it has none for stays."""
    found = nova_migration.graphics_listen_addrs(migrate_data) or {}
    # Nova makes a string of an address that is None.
    addresses = {kind: address for kind, address in found.items() if address and address != "None"}
    return addresses or None


def serial(migrate_data: Any) -> Part:
    """The listen address and the ports of serial consoles."""
    part: dict[str, Any] = {}
    if migrate_data.obj_attr_is_set("serial_listen_addr") and migrate_data.serial_listen_addr:
        part["address"] = str(migrate_data.serial_listen_addr)
    if migrate_data.obj_attr_is_set("serial_listen_ports") and migrate_data.serial_listen_ports:
        part["ports"] = list(migrate_data.serial_listen_ports)
    return part or None


def disks(migrate_data: Any, instance: Any, get_volume_config: GetConfig, xml: str) -> Part:
    """The volumes, as the destination reaches them: by their serial, or by the alias that Nova gives them
    where the device takes no serial (a LUN that is passed through).
    """
    if not migrate_data.obj_attr_is_set("bdms"):
        return None
    serials = set(_SERIAL.findall(xml))
    # 34 took the instance out of the callback's arguments.
    before = () if release.major() >= 34 else (instance,)
    part = []
    for bdm in migrate_data.bdms:
        serial = bdm.serial
        if serial in serials:
            key = {"serial": serial}
        elif serial and f"ua-{serial}" in xml:
            key = {"alias": f"ua-{serial}"}
        else:
            continue
        connection_info = bdm.connection_info
        if not connection_info:
            continue
        conf = get_volume_config(*before, connection_info, bdm.as_disk_info())
        if bdm.obj_attr_is_set("encryption_secret_uuid"):
            conf.volume_encryption = _luks(bdm.encryption_secret_uuid)
        part.append({"match": key, "xml": _text(conf.to_xml())})
    return part or None


def _luks(secret_uuid: str) -> Any:
    encryption = vconfig.LibvirtConfigGuestDiskEncryption()
    encryption.format = "luks"
    encryption.secret = vconfig.LibvirtConfigGuestDiskEncryptionSecret()
    encryption.secret.type, encryption.secret.uuid = "passphrase", secret_uuid
    return encryption


def rbd(migrate_data: Any) -> Part:
    """The monitors of the Ceph cluster that holds the instance's own disks; since Nova 34."""
    is_rbd = migrate_data.obj_attr_is_set("image_type") and migrate_data.image_type == "rbd"
    if release.major() < 34 or not is_rbd:
        return None
    hosts, ports = rbd_utils.RBDDriver().get_mon_addrs()
    if not hosts:
        LOG.warning("Ceph tells no monitors; the guest keeps the ones it has")
        return None
    monitors = [
        {"host": host} | ({"port": int(port)} if port else {})
        for host, port in zip(hosts, ports, strict=True)
    ]
    return {"monitors": monitors}


def interfaces(migrate_data: Any, get_vif_config: GetConfig | None, xml: str) -> Part:
    """The interfaces, as the destination's ports are bound."""
    if get_vif_config is None:
        return None
    macs = {mac.lower() for mac in _MAC.findall(xml)}
    part = []
    for vif in migrate_data.vifs:
        mac = vif.source_vif["address"].lower()
        if mac in macs:
            part.append({"mac": mac, "xml": _text(get_vif_config(vif=vif.get_dest_vif()).to_xml())})
    return part


def perf_events(migrate_data: Any) -> Part:
    """The perf events that the destination supports."""
    is_set = migrate_data.obj_attr_is_set("supported_perf_events")
    return list(migrate_data.supported_perf_events) if is_set else []


def memory_backing(migrate_data: Any) -> Part:
    """Whether the destination backs memory by files."""
    wants = "dst_wants_file_backed_memory"
    part = {
        "file_backed": migrate_data.obj_attr_is_set(wants) and bool(migrate_data.dst_wants_file_backed_memory)
    }
    if migrate_data.obj_attr_is_set("file_backed_memory_discard"):
        part["discard"] = bool(migrate_data.file_backed_memory_discard)
    return part


def cpu_shares(instance: Any) -> Part:
    """Nova sets shares only where the flavor does; a guest of before that change loses them here."""
    return None if instance.flavor.extra_specs.get("quota:cpu_shares") else "remove"


def vcpu_cpuset(migrate_data: Any) -> Part:
    """The destination's `cpu_shared_set`; an empty one takes the guest's cpuset away."""
    if not migrate_data.obj_attr_is_set("dst_cpu_shared_set_info"):
        return None
    return cpu_set(migrate_data.dst_cpu_shared_set_info) or "remove"


def numa(migrate_data: Any) -> Part:
    """The pins to the destination's CPUs and NUMA nodes, and the real-time vCPUs."""
    if not migrate_data.obj_attr_is_set("dst_numa_info"):
        return None
    info = migrate_data.dst_numa_info
    part: dict[str, Any] = {}
    if all(info.obj_attr_is_set(name) for name in ("cpu_pins", "cell_pins", "emulator_pins")):
        nodes = set().union(*info.cell_pins.values())
        part = {
            "vcpu_pins": {str(vcpu): cpu_set(cpus) for vcpu, cpus in info.cpu_pins.items()},
            "cell_pins": {str(cell): cpu_set(cells) for cell, cells in info.cell_pins.items()},
            "emulator_pin": cpu_set(info.emulator_pins) or None,
            # The I/O threads share the emulator's CPUs.
            "iothread_pin": cpu_set(info.emulator_pins) or None,
            "memory": cpu_set(nodes) or None,
        }
    if info.obj_attr_is_set("sched_vcpus") and info.obj_attr_is_set("sched_priority"):
        # Nova knows no other real-time scheduler.
        part["vcpu_sched"] = {
            "vcpus": cpu_set(info.sched_vcpus),
            "priority": info.sched_priority,
            "scheduler": "fifo",
        }
    return {name: value for name, value in part.items() if value} or None


def mdevs(migrate_data: Any) -> Part:
    """The mediated devices: those of the source and those of the destination."""
    return dict(migrate_data.target_mdevs) if migrate_data.obj_attr_is_set("target_mdevs") else None


def pci(migrate_data: Any) -> Part:
    """The PCI devices: those of the source and those of the destination."""
    name = "pci_dev_map_src_dst"
    return dict(migrate_data.pci_dev_map_src_dst) if migrate_data.obj_attr_is_set(name) else None


def vpmem(new_resources: Iterable[Any] | None) -> Part:
    """The paths of the destination's persistent memory devices, in the guest's order."""
    if not new_resources:
        return None
    found = [resource.metadata for resource in new_resources if resource.obj_attr_is_set("metadata")]
    return [device.devpath for device in found if isinstance(device, objects.LibvirtVPMEMDevice)]


def parts(
    xml: str,
    instance: Any,
    migrate_data: Any,
    get_volume_config: GetConfig,
    get_vif_config: GetConfig | None = None,
    new_resources: Iterable[Any] | None = None,
) -> dict[str, Part]:
    """All parts that are to change, under the names of `Retarget`'s fields."""
    found = {
        "graphics": graphics(migrate_data),
        "serial": serial(migrate_data),
        "disks": disks(migrate_data, instance, get_volume_config, xml),
        "rbd": rbd(migrate_data),
        "interfaces": interfaces(migrate_data, get_vif_config, xml),
        "perf_events": perf_events(migrate_data),
        "memory_backing": memory_backing(migrate_data),
        "cpu_shares": cpu_shares(instance),
        "vcpu_cpuset": vcpu_cpuset(migrate_data),
        "numa": numa(migrate_data),
        "mdevs": mdevs(migrate_data),
        "pci": pci(migrate_data),
        "vpmem": vpmem(new_resources),
    }
    return {name: part for name, part in found.items() if part is not None}


def cpu_set(numbers: Collection[int]) -> str:
    """libvirt's form of a set of CPUs or nodes: `0-3,8`; empty for an empty set."""
    if len(numbers) == 1:
        # Nearly all of them, and a guest can have hundreds.
        return str(*numbers)
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _text(xml: str | bytes) -> str:
    return xml.decode() if isinstance(xml, bytes) else xml
