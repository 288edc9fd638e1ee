"""Where our result differs from Nova's on purpose, case by case.

`row` is the case's row in docs/nova-differences.md, which has the reason. `nova` and `ours` say what each
side makes of the case: an exception's name, or what the elements and attributes at some paths are
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    memory_device,
    rbd_source,
)
from .sides import Move

#: Paths (XPath) and the texts found there, in the document's order; or the name of an exception.
Result = dict[str, list[str]] | str


@dataclass(frozen=True)
class Difference:
    """One case."""

    row: str
    step: str
    move: Callable[[], Move]
    nova: Result
    ours: Result


def _move(*devices: str, guest: Guest | None = None, **fields: Any) -> Move:
    guest = guest or Guest()
    guest.devices += devices
    data = {name: fields.pop(name) for name in list(fields) if name in objects.LibvirtLiveMigrateData.fields}
    return Move(guest.xml(), data=objects.LibvirtLiveMigrateData(**data), **fields)


BUS = "//hostdev/source/address/@bus"
A, B, C = "0000:0a:00.0", "0000:0b:00.0", "0000:0c:00.0"


def _pci(addresses: list[str], mapping: dict[str, str]) -> Callable[[], Move]:
    return lambda: _move(*map(hostdev, addresses), pci_dev_map_src_dst=mapping)


def _numa(cputune: list[str], **info: Any) -> Callable[[], Move]:
    def build() -> Move:
        numatune = [
            element("memory", {"mode": "strict", "nodeset": "0"}),
            element("memnode", {"cellid": "0", "mode": "strict", "nodeset": "0"}),
        ]
        guest = Guest(cells=1, cputune=cputune, numatune=numatune if cputune else [])
        return _move(guest=guest, dst_numa_info=objects.LibvirtLiveMigrateNUMAInfo(**info))

    return build


PINS = {"cpu_pins": {"0": {4}, "1": {5}}, "cell_pins": {"0": {1}}, "emulator_pins": {6, 7}}
VCPUPINS = [element("vcpupin", {"vcpu": str(vcpu), "cpuset": "0"}) for vcpu in range(2)]
EMULATORPIN = element("emulatorpin", {"cpuset": "0"})
MAC = "52:54:00:aa:bb:cc"


def _vif(*devices: str, known: bool = True, **conf: Any) -> Callable[[], Move]:
    def build() -> Move:
        new = vconfig.LibvirtConfigGuestInterface()
        new.net_type, new.mac_addr, new.model, new.source_dev = "bridge", MAC, "virtio", "br-new"
        for name, value in conf.items():
            setattr(new, name, value)
        port = network_model.VIF(id="1", address=MAC)
        vif = objects.VIFMigrateData(source_vif=port, vif_type="ovs", vnic_type="normal")
        vif.profile, vif.vif_details = {}, {}
        return _move(*devices, vifs=[vif] if known else [], vif_configs={MAC: new})

    return build


def _volume(*, guest: list[str], **conf: Any) -> Callable[[], Move]:
    def build() -> Move:
        new = vconfig.LibvirtConfigGuestDisk()
        new.serial, new.target_dev, new.target_bus, new.driver_name = "s1", "vdb", "virtio", "qemu"
        for name, value in conf.items():
            setattr(new, name, value)
        bdm = objects.LibvirtLiveMigrateBDMInfo(serial="s1", bus="virtio", dev="vdb", type="disk")
        bdm.connection_info = {"serial": "s1"}
        source, others = guest[0], guest[1:]
        old = disk("block", "vdb", source, element("serial", text="s1"), *others)
        return _move(old, bdms=[bdm], volume_configs={"s1": new})

    return build


def _graphics(*devices: str, **addresses: Any) -> Callable[[], Move]:
    return lambda: _move(*devices, **addresses)


def _backing(*children: str, wants: bool = False, **more: bool) -> Callable[[], Move]:
    return lambda: _move(
        guest=Guest(memory_backing=list(children)), dst_wants_file_backed_memory=wants, **more
    )


def _vpmem(*devices: str) -> Callable[[], Move]:
    def build() -> Move:
        device = objects.LibvirtVPMEMDevice(label="4GB", name="ns", size=4, align=2)
        device.devpath = "/dev/new"
        resource = objects.Resource(resource_class="CUSTOM_PMEM", identifier="ns", metadata=device)
        return _move(*devices, new_resources=[resource])

    return build


def _rbd(hosts: list[str], ports: list[str]) -> Callable[[], Move]:
    source = rbd_source("vms/x", ("10.0.0.1", "6789"))
    return lambda: _move(disk("network", "vda", source), image_type="rbd", monitors=(hosts, ports))


LISTEN = "//graphics/listen"
MEMFD = [element("source", {"type": "memfd"}), element("access", {"mode": "shared"})]
RAW = {"source_type": "block", "source_path": "/dev/new", "driver_format": "raw"}
OLD = element("source", {"dev": "/dev/old"})

DIFFERENCES = (
    # PCI
    Difference(
        "pci-at-once", "pci", _pci([A, B], {A: B, B: A}), {BUS: ["0x0a", "0x0b"]}, {BUS: ["0x0b", "0x0a"]}
    ),
    Difference(
        "pci-at-once", "pci", _pci([A, B], {A: B, B: C}), {BUS: ["0x0c", "0x0b"]}, {BUS: ["0x0b", "0x0c"]}
    ),
    Difference("pci-case", "pci", _pci([A.upper()], {A: C}), "NovaException", {BUS: ["0x0c"]}),
    # NUMA and CPUs
    Difference(
        "numa-missing",
        "numa",
        _numa([], **PINS),
        "AttributeError",
        {"//vcpupin/@cpuset": ["4", "5"], "//emulatorpin/@cpuset": ["6-7"], "//memnode/@nodeset": ["1"]},
    ),
    Difference(
        "numa-missing",
        "numa",
        _numa([VCPUPINS[0], EMULATORPIN], **PINS),
        "AttributeError",
        {"//vcpupin/@cpuset": ["4", "5"]},
    ),
    Difference(
        "numa-iothreads",
        "numa",
        _numa(
            [*VCPUPINS, EMULATORPIN, *(element("iothreadpin", {"iothread": n, "cpuset": "0"}) for n in "12")],
            **PINS,
        ),
        {"//iothreadpin/@cpuset": ["6-7", "0"]},
        {"//iothreadpin/@cpuset": ["6-7", "6-7"]},
    ),
    Difference(
        "numa-sched",
        "numa",
        _numa([*VCPUPINS, EMULATORPIN], sched_priority=1),
        "NotImplementedError",
        {"//vcpusched/@vcpus": []},
    ),
    # Interfaces
    Difference(
        "interface-address",
        "interfaces",
        _vif(interface("bridge", MAC, {"bridge": "br"}, bus=None)),
        "TypeError",
        {"//interface/source/@bridge": ["br-new"], "//interface/address": []},
    ),
    Difference(
        "interface-unknown",
        "interfaces",
        _vif(interface("bridge", MAC, {"bridge": "br"}), known=False),
        "KeyError",
        "InvalidDomainXml",
    ),
    Difference(
        "interface-kept",
        "interfaces",
        _vif(
            interface(
                "bridge",
                MAC,
                {"bridge": "br"},
                element("boot", {"order": "2"}),
                element("link", {"state": "down"}),
            )
        ),
        {"//interface/boot/@order": [], "//interface/link/@state": []},
        {"//interface/boot/@order": ["2"], "//interface/link/@state": ["down"]},
    ),
    Difference(
        "interface-kept",
        "interfaces",
        _vif(
            interface("bridge", MAC, {"bridge": "br"}, element("mtu", {"size": "1500"})),
            net_type="vhostuser",
            vhostuser_type="unix",
            vhostuser_mode="server",
            vhostuser_path="/run/vhu",
        ),
        {"//interface/mtu/@size": []},
        {"//interface/mtu/@size": ["1500"]},
    ),
    Difference(
        "interface-driver",
        "interfaces",
        _vif(
            interface("bridge", MAC, {"bridge": "br"}, element("driver", {"name": "qemu", "queues": "4"})),
            driver_name="vhost",
            vhost_queues=2,
        ),
        {"//interface/driver/@name": ["vhost"], "//interface/driver/@queues": ["2"]},
        {"//interface/driver/@name": ["vhost"], "//interface/driver/@queues": ["4"]},
    ),
    # Disks
    Difference(
        "disk-type",
        "disks",
        _volume(guest=[OLD], source_type="file", source_path="/new", driver_format="raw"),
        {"//disk/@type": ["block"], "//disk/source/@file": ["/new"]},
        {"//disk/@type": ["file"], "//disk/source/@file": ["/new"]},
    ),
    Difference(
        "disk-lacking",
        "disks",
        _volume(
            guest=[
                OLD,
                element("auth", {"username": "old"}, element("secret", {"type": "iscsi", "uuid": MAC})),
            ],
            **RAW,
        ),
        {"//disk/auth/@username": ["old"]},
        {"//disk/auth/@username": []},
    ),
    Difference(
        "disk-target",
        "disks",
        _volume(guest=[OLD], **(RAW | {"target_dev": "vdz"})),
        {"//disk/target/@dev": ["vdz"]},
        {"//disk/target/@dev": ["vdb"]},
    ),
    # Ceph
    Difference("rbd-empty", "rbd", _rbd([], []), {"//host/@name": []}, {"//host/@name": ["10.0.0.1"]}),
    # Displays
    Difference(
        "graphics-missing",
        "graphics",
        _graphics(graphics("vnc", [{"type": "address", "address": "10.0.0.1"}])),
        "TypeError",
        {f"{LISTEN}/@address": ["10.0.0.1"]},
    ),
    Difference(
        "graphics-missing",
        "graphics",
        _graphics(
            graphics("spice", [{"type": "address", "address": "10.0.0.1"}]),
            graphics_listen_addr_vnc="10.0.0.2",
        ),
        "TypeError",
        {f"{LISTEN}/@address": ["10.0.0.1"]},
    ),
    Difference(
        "graphics-missing",
        "graphics",
        lambda: _move(
            graphics("vnc", [{"type": "address", "address": "10.0.0.1"}]),
            graphics_listen_addr_vnc=None,
            graphics_listen_addr_spice=None,
        ),
        {f"{LISTEN}/@address": ["None"]},
        {f"{LISTEN}/@address": ["10.0.0.1"]},
    ),
    Difference(
        "graphics-socket",
        "graphics",
        _graphics(
            graphics("vnc", [{"type": "socket", "socket": "/run/vnc"}]), graphics_listen_addr_vnc="10.0.0.2"
        ),
        {f"{LISTEN}/@address": ["10.0.0.2"]},
        {f"{LISTEN}/@address": []},
    ),
    Difference(
        "graphics-all",
        "graphics",
        _graphics(
            graphics(
                "vnc",
                [{"type": "address", "address": "10.0.0.1"}, {"type": "address", "address": "10.0.0.1"}],
            ),
            graphics_listen_addr_vnc="10.0.0.2",
        ),
        {f"{LISTEN}/@address": ["10.0.0.2", "10.0.0.1"]},
        {f"{LISTEN}/@address": ["10.0.0.2", "10.0.0.2"]},
    ),
    # Serial ports
    Difference(
        "serial-missing",
        "serial",
        lambda: _move(
            character("serial", None, "10.0.0.1", "1000"),
            serial_listen_addr="10.0.0.2",
            serial_listen_ports=[2000],
        ),
        "TypeError",
        "InvalidDomainXml",
    ),
    Difference(
        "serial-missing",
        "serial",
        lambda: _move(
            character("serial", 0, "10.0.0.1", "1000"), serial_listen_addr=None, serial_listen_ports=[2000]
        ),
        "TypeError",
        {"//serial/source/@host": ["10.0.0.1"], "//serial/source/@service": ["2000"]},
    ),
    Difference(
        "serial-short",
        "serial",
        lambda: _move(
            character("serial", 0, "10.0.0.1", "1000"),
            character("serial", 1, "10.0.0.1", "1001"),
            serial_listen_addr="10.0.0.2",
            serial_listen_ports=[2000],
        ),
        {"//serial/source/@service": ["2000", "1001"]},
        "InvalidDomainXml",
    ),
    # Memory
    Difference(
        "memory-memfd",
        "memory_backing",
        _backing(*MEMFD),
        {"//memoryBacking/source/@type": [], "//memoryBacking/access/@mode": []},
        {"//memoryBacking/source/@type": ["memfd"], "//memoryBacking/access/@mode": ["shared"]},
    ),
    Difference(
        "memory-discard",
        "memory_backing",
        _backing(wants=True, file_backed_memory_discard=False),
        {"count(//memoryBacking/discard)": ["1.0"]},
        {"count(//memoryBacking/discard)": ["0.0"]},
    ),
    Difference(
        "vpmem-count",
        "vpmem",
        _vpmem(memory_device("dimm"), memory_device("nvdimm", "/dev/old")),
        "IndexError",
        {"//memory/source/path/text()": ["/dev/new"]},
    ),
)
