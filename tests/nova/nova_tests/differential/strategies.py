"""Generated guests and moves, within what Nova gets right.

What it gets wrong is left out here on purpose, and is in differences.py instead, case by case. Each
`draw_*` adds the devices of one step to a guest and what the destination is like to a move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from nova import objects
from nova.network import model as network_model
from nova.virt.libvirt import config as vconfig

from ..guest_xml import (
    Guest,
    character,
    disk,
    element,
    graphics,
    hostdev,
    interface,
    mdev,
    memory_device,
    rbd_source,
)
from .sides import Move

Draw = Callable[[st.SearchStrategy[Any]], Any]

ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
UUIDS = st.uuids().map(str)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=20)
CPUS = st.sets(st.integers(0, 127), min_size=1, max_size=6)
MACS = st.integers(0, 2**24 - 1).map(lambda n: f"52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}")
PCI = st.builds(
    "{:04x}:{:02x}:{:02x}.{:x}".format,
    st.integers(0, 15),
    st.integers(0, 255),
    st.integers(0, 31),
    st.integers(0, 7),
)


def draw_graphics(draw: Draw, guest: Guest, move: Move) -> None:
    """Displays that have one address each, by the attribute, by `<listen>` or by both."""
    for kind in draw(st.lists(st.sampled_from(["vnc", "spice"]), max_size=2, unique=True)):
        address, form = draw(ADDRESSES), draw(st.sampled_from(["both", "attribute", "element"]))
        listens = [{"type": "address", "address": address}] if form != "attribute" else []
        guest.devices.append(graphics(kind, listens, address if form != "element" else None))
    move.data.graphics_listen_addr_vnc = draw(ADDRESSES)
    move.data.graphics_listen_addr_spice = draw(ADDRESSES)


def draw_serial(draw: Draw, guest: Guest, move: Move) -> None:
    """TCP serial ports, and a port of another type, which stays; ports for all of them or for none."""
    count = draw(st.integers(0, 4))
    for port in range(count):
        service = str(draw(st.integers(10000, 20000)))
        guest.devices.append(character("serial", port, draw(ADDRESSES), service))
    if draw(st.booleans()):
        guest.devices.append(character("serial", count, None, None, kind="pty"))
    if count and draw(st.booleans()):
        guest.devices.append(character("console", 0, draw(ADDRESSES), "10000"))
    move.data.serial_listen_addr = draw(ADDRESSES)
    ports = draw(st.lists(st.integers(10000, 20000), min_size=count, max_size=count + 2, unique=True))
    move.data.serial_listen_ports = draw(st.sampled_from([ports, []]))


def draw_disks(draw: Draw, guest: Guest, move: Move) -> None:
    """A local disk, and volumes that the destination reaches by another path or another host."""
    guest.devices.append(
        disk("file", "vda", element("source", {"file": "/var/lib/nova/instances/x/disk"}), bus=2)
    )
    bdms = []
    for index in range(draw(st.integers(0, 4))):
        serial, target, kind = (
            draw(UUIDS),
            f"vd{chr(ord('b') + index)}",
            draw(st.sampled_from(["block", "network"])),
        )
        others = [element("serial", text=serial)]
        if kind == "block":
            source = element("source", {"dev": f"/dev/{draw(NAMES)}"})
        else:
            hosts = draw(st.lists(st.tuples(ADDRESSES, st.just("6789")), max_size=3))
            source = rbd_source(f"volumes/volume-{serial}", *hosts)
            others.insert(0, _auth(draw(UUIDS)))
        if draw(st.booleans()):
            others.append(element("iotune", {}, element("total_iops_sec", text="1000")))
        guest.devices.append(disk(kind, target, source, *others, bus=8 + index))
        move.volume_configs[serial] = _volume(draw, kind, target, serial)
        bdms.append(_bdm(draw, serial, target))
    # One that the guest does not have (any more) is passed over.
    if draw(st.booleans()):
        bdms.append(_bdm(draw, draw(UUIDS), "vdz"))
    move.data.bdms = draw(st.permutations(bdms))


def _auth(secret: str) -> str:
    return element("auth", {"username": "nova"}, element("secret", {"type": "ceph", "uuid": secret}))


def _volume(draw: Draw, kind: str, target: str, serial: str) -> Any:
    conf = vconfig.LibvirtConfigGuestDisk()
    conf.source_type, conf.target_dev, conf.target_bus, conf.serial = kind, target, "virtio", serial
    conf.driver_name, conf.driver_format = "qemu", "raw"
    conf.driver_cache = draw(st.sampled_from(["none", "writeback"]))
    conf.driver_io = draw(st.sampled_from([None, "native"]))
    if kind == "block":
        conf.source_path = f"/dev/{draw(NAMES)}"
        return conf
    conf.source_protocol, conf.source_name = "rbd", f"volumes/volume-{serial}"
    conf.source_hosts = draw(st.lists(ADDRESSES, max_size=3))
    conf.source_ports = ["6789"] * len(conf.source_hosts)
    conf.auth_username, conf.auth_secret_type, conf.auth_secret_uuid = "nova", "ceph", draw(UUIDS)
    return conf


def _bdm(draw: Draw, serial: str, target: str) -> Any:
    bdm = objects.LibvirtLiveMigrateBDMInfo(serial=serial, bus="virtio", dev=target, type="disk")
    bdm.connection_info = {"serial": serial, "data": {"path": draw(TEXTS)}}
    if draw(st.booleans()):
        bdm.encryption_secret_uuid = draw(UUIDS)
    return bdm


def draw_rbd(draw: Draw, guest: Guest, move: Move) -> None:
    """The instance's own Ceph disks, beside ones that the step leaves alone."""
    host = st.tuples(ADDRESSES, st.just("6789"))
    for index in range(draw(st.integers(0, 3))):
        hosts = draw(st.lists(host, max_size=3))
        kind = draw(st.sampled_from(["own", "serial", "alias"]))
        others = {
            "own": [],
            "serial": [element("serial", text=draw(UUIDS))],
            "alias": [element("alias", {"name": f"ua-{draw(UUIDS)}"})],
        }[kind]
        guest.devices.append(
            disk("network", f"sd{chr(ord('a') + index)}", rbd_source("vms/x", *hosts), *others)
        )
    move.data.image_type = draw(st.sampled_from(["rbd", "qcow2"]))
    monitors = draw(st.lists(ADDRESSES, min_size=1, max_size=3))
    move.monitors = (monitors, ["6789"] * len(monitors))


def draw_interfaces(draw: Draw, guest: Guest, move: Move) -> None:
    """Interfaces that are of another kind at the destination, say."""
    vifs = []
    for index, mac in enumerate(draw(st.lists(MACS, max_size=4, unique=True))):
        mtu = draw(st.booleans())
        # The guest keeps the queues that it knows, which Nova takes from the flavour at both ends.
        queues = {"queues": "2"} if draw(st.booleans()) else {}
        name = {"name": draw(st.sampled_from(["vhost", "qemu"]))} if queues or draw(st.booleans()) else {}
        others = [element("driver", name | queues)] if name else []
        others.append(element("target", {"dev": f"tap{index}"}))
        others += [element("mtu", {"size": "1500"})] if mtu else []
        guest.devices.append(
            interface("bridge", mac, {"bridge": f"br{draw(NAMES)}"}, *others, bus=16 + index)
        )
        move.vif_configs[mac] = _vif(draw, mac, mtu, queued=bool(queues))
        spelled = mac.upper() if draw(st.booleans()) else mac
        vif = objects.VIFMigrateData(source_vif=network_model.VIF(id=draw(UUIDS), address=spelled))
        vif.vif_type, vif.vnic_type, vif.profile, vif.vif_details = "ovs", "normal", {}, {}
        vifs.append(vif)
    move.data.vifs = draw(st.permutations(vifs))


def _vif(draw: Draw, mac: str, mtu: bool, *, queued: bool) -> Any:
    conf = vconfig.LibvirtConfigGuestInterface()
    # Nova's configuration of a vhost-user port has no MTU, so that Nova takes the guest's away.
    kinds = ["bridge", "ethernet"] if mtu else ["bridge", "ethernet", "vhostuser"]
    conf.net_type, conf.mac_addr, conf.model = draw(st.sampled_from(kinds)), mac, "virtio"
    conf.source_dev, conf.target_dev = f"br{draw(NAMES)}", f"tap{draw(NAMES)}"
    # The guest keeps the MTU that it knows, which is the port's at both ends.
    conf.mtu = 1500 if mtu else draw(st.sampled_from([None, 1500]))
    if conf.net_type == "vhostuser":
        conf.vhostuser_type, conf.vhostuser_mode, conf.vhostuser_path = (
            "unix",
            "server",
            f"/run/{draw(NAMES)}",
        )
    if queued or draw(st.booleans()):
        conf.driver_name, conf.vhost_queues = "vhost", 2 if queued else None
    if draw(st.booleans()):
        conf.vporttype, conf.vportparams = "openvswitch", [{"key": "interfaceid", "value": draw(UUIDS)}]
    if draw(st.booleans()):
        conf.filtername, conf.filterparams = f"nova-{draw(NAMES)}", [{"key": "IP", "value": draw(TEXTS)}]
    return conf


def draw_perf_events(draw: Draw, guest: Guest, move: Move) -> None:
    """Any events in the guest, and any or no word of the destination's."""
    events = st.lists(st.sampled_from(["cmt", "mbmt", "mbml", "cache_misses"]), max_size=4, unique=True)
    # An empty element says the same as none, and Nova keeps it.
    guest.perf = draw(st.none() | events.filter(bool))
    if draw(st.booleans()):
        move.data.supported_perf_events = draw(events)


def draw_memory_backing(draw: Draw, guest: Guest, move: Move) -> None:
    """Huge pages, locked memory and files; no memfd, which Nova takes away."""
    always = draw(st.lists(st.sampled_from(["hugepages", "locked", "nosharepages"]), max_size=3, unique=True))
    children = [element(name) for name in always]
    if draw(st.booleans()):
        children += [
            element("source", {"type": "file"}),
            element("access", {"mode": "shared"}),
            element("allocation", {"mode": "immediate"}),
            element("discard"),
        ]
    guest.memory_backing = children or None
    if draw(st.booleans()):
        move.data.dst_wants_file_backed_memory = draw(st.booleans())


def draw_cpu(draw: Draw, guest: Guest, move: Move) -> None:
    """Shares, the vCPUs' cpuset, pins and real-time vCPUs."""
    if draw(st.booleans()):
        guest.cputune.append(element("shares", text=str(draw(st.integers(2, 262144)))))
    if draw(st.booleans()):
        move.extra_specs["quota:cpu_shares"] = "2048"
    if draw(st.booleans()):
        guest.vcpu_cpuset = draw(st.sampled_from(["0-3", "1,5", "0-7,^2"]))
    if draw(st.booleans()):
        move.data.dst_cpu_shared_set_info = draw(CPUS | st.just(set()))
    if draw(st.booleans()):
        _draw_numa(draw, guest, move)


def _draw_numa(draw: Draw, guest: Guest, move: Move) -> None:
    guest.vcpus, guest.cells = draw(st.sampled_from([(2, 1), (4, 2), (8, 4)]))
    for vcpu in range(guest.vcpus):
        guest.cputune.append(element("vcpupin", {"vcpu": str(vcpu), "cpuset": str(vcpu)}))
    guest.cputune.append(element("emulatorpin", {"cpuset": "0"}))
    if draw(st.booleans()):
        guest.cputune.append(element("iothreadpin", {"iothread": "1", "cpuset": "0"}))
    scheduled = draw(st.integers(0, 2))
    for vcpu in range(scheduled):
        guest.cputune.append(element("vcpusched", {"vcpus": str(vcpu), "scheduler": "fifo", "priority": "1"}))
    guest.numatune = [element("memory", {"mode": "strict", "nodeset": "0"})]
    for cell in range(guest.cells):
        guest.numatune.append(element("memnode", {"cellid": str(cell), "mode": "strict", "nodeset": "0"}))
    info = objects.LibvirtLiveMigrateNUMAInfo()
    if draw(st.booleans()):
        info.cpu_pins = {str(vcpu): draw(CPUS) for vcpu in range(guest.vcpus)}
        info.cell_pins = {str(cell): draw(CPUS) for cell in range(guest.cells)}
        info.emulator_pins = draw(CPUS)
    if draw(st.booleans()):
        vcpus = st.sets(st.integers(0, guest.vcpus - 1), min_size=1)
        info.sched_vcpus, info.sched_priority = draw(vcpus), draw(st.integers(1, 99))
    move.data.dst_numa_info = info


def draw_mdevs(draw: Draw, guest: Guest, move: Move) -> None:
    """Mediated devices, every one with a place at the destination."""
    uuids = draw(st.lists(UUIDS, max_size=4, unique=True))
    guest.devices += [mdev(uuid, bus=32 + index) for index, uuid in enumerate(uuids)]
    move.data.target_mdevs = {uuid: draw(UUIDS) for uuid in uuids}


def draw_pci(draw: Draw, guest: Guest, move: Move) -> None:
    """PCI devices that go to addresses that none of them had: neither a swap nor a chain."""
    addresses = draw(st.lists(PCI, max_size=6, unique=True))
    half = len(addresses) // 2
    source, destination = addresses[:half], addresses[half : 2 * half]
    guest.devices += [hostdev(address, bus=48 + index) for index, address in enumerate(source)]
    moved = draw(st.integers(0, half))
    move.data.pci_dev_map_src_dst = dict(zip(source[:moved], destination[:moved], strict=True))


def draw_vpmem(draw: Draw, guest: Guest, move: Move) -> None:
    """Persistent memory devices, before other memory devices."""
    count = draw(st.integers(0, 3))
    guest.devices += [memory_device("nvdimm", f"/dev/dax0.{index}") for index in range(count)]
    if draw(st.booleans()):
        guest.devices.append(memory_device("dimm"))
    resources = []
    for index in range(count):
        device = objects.LibvirtVPMEMDevice(label="4GB", name=f"ns_{index}", size=4, align=2)
        device.devpath = f"/dev/dax{draw(st.integers(1, 9))}.{index}"
        resources.append(
            objects.Resource(resource_class="CUSTOM_PMEM", identifier=f"ns_{index}", metadata=device)
        )
    move.new_resources = resources or None


DRAWS: dict[str, Callable[[Draw, Guest, Move], None]] = {
    "graphics": draw_graphics,
    "serial": draw_serial,
    "disks": draw_disks,
    "rbd": draw_rbd,
    "interfaces": draw_interfaces,
    "perf_events": draw_perf_events,
    "memory_backing": draw_memory_backing,
    "cpu_shares": draw_cpu,
    "vcpu_cpuset": draw_cpu,
    "numa": draw_cpu,
    "mdevs": draw_mdevs,
    "pci": draw_pci,
    "vpmem": draw_vpmem,
}


@st.composite
def moves(draw: Draw, *names: str) -> Move:
    """A move whose guest has the devices of these steps."""
    guest, move = Guest(), Move("")
    for function in dict.fromkeys(DRAWS[name] for name in names):
        function(draw, guest, move)
    move.xml = guest.xml()
    return move
