"""Nova's `migrate_data` and what comes with it, as the plain value that a definition is retargeted with.

One function for each part, named like the field of `Retarget` that it fills; each returns `None` where that
part of the definition stays as it is. Nothing here looks at the definition but to skip devices that it does
not have: Nova's callbacks may fail for those (an SR-IOV interface that was detached before, say).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from nova import exception, objects
from nova.storage import rbd_utils
from nova.virt.libvirt import config as vconfig
from oslo_log import log as logging

from . import release

LOG = logging.getLogger(__name__)

#: What a part of `Retarget` is given as: its JSON form.
Part = Any
#: Nova's callbacks: they return an object with `to_xml()`.
GetConfig = Callable[..., Any]


def field(owner: Any, name: str) -> Any:
    """The value of a field; `None` where it is not set, or where this release does not have it."""
    return getattr(owner, name) if name in owner.fields and owner.obj_attr_is_set(name) else None


def graphics(migrate_data: Any) -> Part:
    """The destination's listen addresses of VNC and SPICE; one that it has none for stays."""
    found = ((kind, field(migrate_data, f"graphics_listen_addr_{kind}")) for kind in ("vnc", "spice"))
    # The address "::" counts as false.
    return {kind: str(address) for kind, address in found if address is not None} or None


def serial(migrate_data: Any) -> Part:
    """The listen address and the ports of serial consoles."""
    part: dict[str, Any] = {}
    if address := field(migrate_data, "serial_listen_addr"):
        part["address"] = str(address)
    if ports := field(migrate_data, "serial_listen_ports"):
        part["ports"] = list(ports)
    return part or None


def disks(migrate_data: Any, instance: Any, get_volume_config: GetConfig, xml: str) -> Part:
    """The volumes, as the destination reaches them: by their serial, or by the alias that Nova gives them
    where the device takes no serial (a LUN that is passed through).
    """
    bdms = field(migrate_data, "bdms")
    if bdms is None:
        return None
    serials = set(between(xml, "<serial>", "<"))
    # 34 took the instance out of the callback's arguments.
    before = () if release.major() >= 34 else (instance,)
    part = []
    for bdm in bdms:
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
        if secret_uuid := field(bdm, "encryption_secret_uuid"):
            # Before 29 it is called otherwise, and what has no name would not be written.
            name = "volume_encryption" if hasattr(conf, "volume_encryption") else "encryption"
            setattr(conf, name, _luks(secret_uuid))
        part.append({"match": key, "xml": _text(conf.to_xml())})
    return part or None


def _luks(secret_uuid: str) -> Any:
    encryption = vconfig.LibvirtConfigGuestDiskEncryption()
    encryption.format = "luks"
    encryption.secret = vconfig.LibvirtConfigGuestDiskEncryptionSecret()
    encryption.secret.type, encryption.secret.uuid = "passphrase", secret_uuid
    return encryption


def rbd(migrate_data: Any, instance: Any) -> Part:
    """The monitors of the Ceph cluster that holds the instance's own disks; since Nova 34."""
    if release.major() < 34 or field(migrate_data, "image_type") != "rbd":
        return None
    hosts, ports = rbd_utils.RBDDriver().get_mon_addrs()
    if not hosts:
        LOG.warning("Ceph tells no monitors; the guest keeps the ones it has", instance=instance)
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
    if any("<mac " not in interface for interface in between(xml, "<interface ", "</interface>")):
        # In the words that Nova's operators know.
        raise exception.MigrationError(reason="Unable to find MAC address in interface XML")
    macs = {mac.strip("'\"/ ").lower() for mac in between(xml, "<mac address=", ">")}
    part = []
    for vif in migrate_data.vifs:
        mac = vif.source_vif["address"].lower()
        if mac in macs:
            part.append({"mac": mac, "xml": _text(get_vif_config(vif=vif.get_dest_vif()).to_xml())})
    return part


def perf_events(migrate_data: Any) -> Part:
    """The perf events that the destination supports."""
    return list(field(migrate_data, "supported_perf_events") or ())


def memory_backing(migrate_data: Any) -> Part:
    """Whether the destination backs memory by files."""
    part = {"file_backed": bool(field(migrate_data, "dst_wants_file_backed_memory"))}
    discard = field(migrate_data, "file_backed_memory_discard")
    if discard is not None:
        part["discard"] = bool(discard)
    return part


def cpu_shares(instance: Any) -> Part:
    """Nova sets shares only where the flavor does; a guest of before that change loses them here."""
    return None if instance.flavor.extra_specs.get("quota:cpu_shares") else "remove"


def vcpu_cpuset(migrate_data: Any) -> Part:
    """The destination's `cpu_shared_set`; an empty one takes the guest's cpuset away."""
    cpus = field(migrate_data, "dst_cpu_shared_set_info")
    return None if cpus is None else cpu_set(cpus) or "remove"


def numa(migrate_data: Any) -> Part:
    """The pins to the destination's CPUs and NUMA nodes, and the real-time vCPUs."""
    info = field(migrate_data, "dst_numa_info")
    if info is None:
        return None
    part: dict[str, Any] = {}
    cpu_pins, cell_pins, emulator = (field(info, f"{name}_pins") for name in ("cpu", "cell", "emulator"))
    if cpu_pins is not None and cell_pins is not None and emulator is not None:
        part = {
            "vcpu_pins": {vcpu: cpu_set(cpus) for vcpu, cpus in cpu_pins.items()},
            "cell_pins": {cell: cpu_set(nodes) for cell, nodes in cell_pins.items()},
            "emulator_pin": cpu_set(emulator),
            # The I/O threads share the emulator's CPUs.
            "iothread_pin": cpu_set(emulator),
            "memory": cpu_set(set().union(*cell_pins.values())),
        }
    vcpus, priority = field(info, "sched_vcpus"), field(info, "sched_priority")
    if vcpus is not None and priority is not None:
        # Nova knows no other real-time scheduler.
        part["vcpu_sched"] = {"vcpus": cpu_set(vcpus), "priority": priority, "scheduler": "fifo"}
    return {name: value for name, value in part.items() if value} or None


def mdevs(migrate_data: Any) -> Part:
    """The mediated devices: those of the source and those of the destination."""
    return field(migrate_data, "target_mdevs")


def pci(migrate_data: Any) -> Part:
    """The PCI devices: those of the source and those of the destination."""
    return field(migrate_data, "pci_dev_map_src_dst")


def vpmem(new_resources: Iterable[Any] | None) -> Part:
    """The paths of the destination's persistent memory devices, in the guest's order."""
    if not new_resources:
        return None
    found = [field(resource, "metadata") for resource in new_resources]
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
        "rbd": rbd(migrate_data, instance),
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


def between(xml: str, before: str, after: str) -> list[str]:
    """What stands between two strings, each time. It only decides which callbacks are called; what is found
    in the definition, and whether it is a disk's or an interface's, is for the retargeting itself.
    """
    return [part[: part.find(after)] for part in xml.split(before)[1:]]


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
