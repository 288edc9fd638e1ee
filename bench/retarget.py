"""The destination's definition: ours against Nova's `get_updated_guest_xml`, on the same input in one run.

    scripts/nova-venv 34.0.0 release && .nova/34.0.0/bin/python bench/retarget.py

Device configurations are prebuilt on both sides (Nova's own building of them is the same either way), and
Nova's debug log is off, as it is in production. Both sides produce the same definition, which is checked
first. `drop-in` is the whole of what Nova calls instead, reading `migrate_data` included; `retarget_xml` is
our part of it alone. Part of both is what Nova's own objects take to tell what they hold (a VIF is copied
deeply, connections are read from JSON), and the callbacks: no rewriting makes that faster, so `net` leaves it
out.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The guests of the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "nova"))
os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "True")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from nova import objects
    from nova.network import model as network_model
    from nova.virt.libvirt import migration as nova_migration

from nova_tests.canonical import canonical
from nova_tests.guest_xml import (
    Guest,
    character,
    disk,
    element,
    graphics,
    hostdev,
    interface,
    mdev,
    pci,
    rbd_source,
)

from libvirt_migrate import Retarget, retarget_xml
from libvirt_migrate.nova import migration as drop_in
from libvirt_migrate.nova import translate

#: The least time that one sample takes, s, and how many there are of each side.
SAMPLE, SAMPLES = 0.02, 25
#: How much faster ours is to be, by the issue.
AIM = {"retarget_xml": 20.0, "net": 10.0}

objects.register_all()


class Prebuilt:
    """A device configuration whose XML is there already."""

    def __init__(self, xml: str) -> None:
        self._xml = xml

    def to_xml(self) -> str:
        """The XML."""
        return self._xml


def uuid(kind: int, index: int) -> str:
    """A uuid that says what it is of."""
    return f"{kind:08x}-0000-4000-8000-{index:012x}"


def ordinary_devices(controllers: int) -> list[str]:
    """What every guest of Nova's has as well, in the form that libvirt fills in: a port for each PCIe
    device.
    """
    ports = [
        element(
            "controller",
            {"type": "pci", "index": str(index), "model": "pcie-root-port"},
            element("model", {"name": "pcie-root-port"}),
            element("target", {"chassis": str(index), "port": f"0x{16 + index:x}"}),
            element("address", pci(0, 2 + index // 8) | {"function": f"0x{index % 8:x}"}),
        )
        for index in range(1, controllers + 1)
    ]
    return [
        *ports,
        element(
            "controller", {"type": "usb", "index": "0", "model": "qemu-xhci"}, element("address", pci(2))
        ),
        element("controller", {"type": "sata", "index": "0"}, element("address", pci(0, 31))),
        element(
            "input",
            {"type": "tablet", "bus": "usb"},
            element("address", {"type": "usb", "bus": "0", "port": "1"}),
        ),
        element("input", {"type": "keyboard", "bus": "ps2"}),
        element(
            "video", {}, element("model", {"type": "virtio", "heads": "1"}), element("address", pci(0, 1))
        ),
        element("watchdog", {"model": "itco", "action": "reset"}),
        element(
            "memballoon", {"model": "virtio"}, element("stats", {"period": "10"}), element("address", pci(5))
        ),
        element("rng", {"model": "virtio"}, element("backend", {"model": "random"}, text="/dev/urandom")),
    ]


def metadata(ports: int) -> str:
    """Nova's metadata, as its driver writes it."""
    flavor = [
        element(f"nova:{name}", text=value)
        for name, value in {
            "memory": "4096",
            "disk": "20",
            "swap": "0",
            "ephemeral": "0",
            "vcpus": "2",
        }.items()
    ]
    owner = [element(f"nova:{name}", {"uuid": uuid(6, 1)}, text="demo") for name in ("user", "project")]
    addresses = [
        element(
            "nova:port",
            {"uuid": uuid(3, index)},
            element("nova:ip", {"type": "fixed", "address": f"10.9.0.{index}", "ipVersion": "4"}),
        )
        for index in range(ports)
    ]
    return element(
        "nova:instance",
        {"xmlns:nova": "http://openstack.org/xmlns/libvirt/nova/1.1"},
        element("nova:package", {"version": "34.0.0"}),
        element("nova:name", text="a guest"),
        element("nova:creationTime", text="2026-11-01 09:00:00"),
        element("nova:flavor", {"name": "m1.small"}, *flavor),
        element("nova:owner", {}, *owner),
        element("nova:root", {"type": "image", "uuid": uuid(7, 1)}),
        element("nova:ports", {}, *addresses),
    )


class Case:
    """A guest of some size, and where it goes."""

    def __init__(
        self, disks: int, interfaces: int, cells: int, pins: int, mdevs: int, pcis: int, serials: int
    ) -> None:
        self.volumes: dict[str, Prebuilt] = {}
        self.ports: dict[str, Prebuilt] = {}
        self.data = objects.LibvirtLiveMigrateData(
            graphics_listen_addr_vnc="10.0.0.2",
            graphics_listen_addr_spice="10.0.0.2",
            serial_listen_addr="10.0.0.2",
            serial_listen_ports=list(range(20000, 20000 + serials)),
            dst_wants_file_backed_memory=False,
            supported_perf_events=[],
            bdms=[],
            vifs=[],
        )
        guest = Guest(vcpus=max(pins, 2), cells=cells)
        guest.devices.append(graphics("vnc", [{"type": "address", "address": "10.0.0.1"}], "10.0.0.1"))
        self._disks(guest, disks)
        self._interfaces(guest, interfaces)
        self._pins(guest, cells, pins)
        self._host_devices(guest, mdevs, pcis)
        for port in range(serials):
            guest.devices.append(character("serial", port, "10.0.0.1", str(10000 + port)))
        guest.devices += ordinary_devices(controllers=14 + disks + interfaces + mdevs + pcis)
        guest.metadata = [metadata(interfaces)]
        self.xml = guest.xml()
        self.instance = SimpleNamespace(flavor=SimpleNamespace(extra_specs={}), uuid=guest.uuid)
        self.libvirt_guest = SimpleNamespace(get_xml_desc=lambda dump_migratable: self.xml)

    def _disks(self, guest: Guest, count: int) -> None:
        for index in range(count):
            serial, target = uuid(1, index), f"vd{chr(ord('a') + index % 26)}{index // 26 or ''}"
            limits = ("bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max")
            tune = [element(f"{way}_{limit}", text="2000") for way in ("read", "write") for limit in limits]

            def xml(monitor: int, serial: str = serial, target: str = target, tune: list[str] = tune) -> str:
                hosts = [(f"10.1.{monitor}.{host}", "6789") for host in range(1, 4)]
                auth = element("secret", {"type": "ceph", "uuid": uuid(2, monitor)})
                return disk(
                    "network",
                    target,
                    rbd_source(f"volumes/volume-{serial}", *hosts),
                    element("auth", {"username": "nova"}, auth),
                    element("serial", text=serial),
                    element("iotune", {}, *tune),
                    discard="unmap",
                )

            guest.devices.append(xml(1))
            self.volumes[serial] = Prebuilt(xml(2))
            bdm = objects.LibvirtLiveMigrateBDMInfo(serial=serial, bus="virtio", dev=target, type="disk")
            bdm.connection_info = {
                "serial": serial,
                "driver_volume_type": "rbd",
                "data": {"name": f"volumes/{serial}"},
            }
            self.data.bdms.append(bdm)

    def _interfaces(self, guest: Guest, count: int) -> None:
        for index in range(count):
            mac = f"52:54:00:00:00:{index:02x}"

            def xml(bridge: str, bus: int | None, mac: str = mac, index: int = index) -> str:
                port = element(
                    "virtualport",
                    {"type": "openvswitch"},
                    element("parameters", {"interfaceid": uuid(3, index)}),
                )
                parts = [element("target", {"dev": f"tap{index}"}), port, element("mtu", {"size": "1500"})]
                return interface("bridge", mac, {"bridge": bridge}, *parts, bus=bus)

            guest.devices.append(xml("br-source", 1))
            self.ports[mac] = Prebuilt(xml("br-int", None))
            vif = objects.VIFMigrateData(source_vif=network_model.VIF(id=uuid(3, index), address=mac))
            vif.vif_type, vif.vnic_type, vif.profile, vif.vif_details = "ovs", "normal", {}, {}
            self.data.vifs.append(vif)

    def _pins(self, guest: Guest, cells: int, pins: int) -> None:
        if not pins:
            return
        guest.cputune += [
            element("vcpupin", {"vcpu": str(vcpu), "cpuset": str(vcpu)}) for vcpu in range(pins)
        ]
        guest.cputune.append(element("emulatorpin", {"cpuset": "0-3"}))
        guest.numatune = [element("memory", {"mode": "strict", "nodeset": f"0-{cells - 1}"})]
        guest.numatune += [
            element("memnode", {"cellid": str(cell), "mode": "strict", "nodeset": str(cell)})
            for cell in range(cells)
        ]
        self.data.dst_numa_info = objects.LibvirtLiveMigrateNUMAInfo(
            cpu_pins={str(vcpu): {vcpu + 64} for vcpu in range(pins)},
            cell_pins={str(cell): {cell + 1} for cell in range(cells)},
            emulator_pins={4, 5, 6, 7},
        )

    def _host_devices(self, guest: Guest, mdevs: int, pcis: int) -> None:
        guest.devices += [mdev(uuid(4, index)) for index in range(mdevs)]
        guest.devices += [hostdev(f"0000:{index + 16:02x}:00.0") for index in range(pcis)]
        if mdevs:
            self.data.target_mdevs = {uuid(4, index): uuid(5, index) for index in range(mdevs)}
        if pcis:
            source = [f"0000:{index + 16:02x}:00.0" for index in range(pcis)]
            self.data.pci_dev_map_src_dst = {address: address.replace("00.0", "01.0") for address in source}

    def get_volume_config(self, connection_info: Any, disk_info: Any) -> Prebuilt:
        """As Nova's driver has it, but built already."""
        return self.volumes[connection_info["serial"]]

    def get_vif_config(self, vif: Any) -> Prebuilt:
        """As Nova's VIF driver has it, but built already."""
        return self.ports[vif["address"]]

    def sides(self) -> dict[str, Callable[[], str]]:
        """The same work, each way."""
        arguments = (
            self.instance,
            self.libvirt_guest,
            self.data,
            self.get_volume_config,
            self.get_vif_config,
        )
        retarget = Retarget(
            **translate.parts(self.xml, self.instance, self.data, self.get_volume_config, self.get_vif_config)
        )
        return {
            "Nova": lambda: str(nova_migration.get_updated_guest_xml(*arguments)),
            "drop-in": lambda: drop_in.get_updated_guest_xml(*arguments),
            "retarget_xml": lambda: retarget_xml(self.xml, retarget),
        }

    def objects(self) -> None:
        """What both sides ask of Nova's objects and of the callbacks."""
        for bdm in self.data.bdms:
            self.get_volume_config(bdm.connection_info, bdm.as_disk_info()).to_xml()
        for vif in self.data.vifs:
            self.get_vif_config(vif=vif.get_dest_vif()).to_xml()


CASES: dict[str, Callable[[], Case]] = {
    "small": lambda: Case(disks=1, interfaces=1, cells=1, pins=2, mdevs=0, pcis=0, serials=1),
    "large": lambda: Case(disks=24, interfaces=8, cells=8, pins=64, mdevs=8, pcis=8, serials=4),
}


def measure(sides: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of a call of each side, s; the sides take turns."""
    repeats = {}
    for name, call in sides.items():
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(SAMPLE / (time.perf_counter() - start)))
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(SAMPLES):
        for name, call in sides.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            samples[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(times) for name, times in samples.items()}


def main() -> int:
    """Prints the figures; ends with 1 where an aim is missed."""
    print(f"{'guest':8}{'side':14}{'size':>10}{'median':>12}{'ratio':>8}{'aim':>6}")
    missed, figures = False, {}
    for name, build in CASES.items():
        case = build()
        sides = case.sides()
        results = {side: canonical(call()) for side, call in sides.items()}
        assert len(set(results.values())) == 1, "the sides disagree"
        medians = measure(sides | {"objects": case.objects})
        ratios = {side: medians["Nova"] / median for side, median in medians.items()}
        shared = medians.pop("objects")
        medians["net"] = medians["drop-in"] - shared
        ratios["net"] = (medians["Nova"] - shared) / medians["net"]
        for side, median in medians.items():
            ratio, aim = ratios[side], AIM.get(side)
            missed |= aim is not None and ratio < aim
            print(
                f"{name:8}{side:14}{len(case.xml):>8} B{median * 1e6:>9.0f} µs{ratio:>8.1f}"
                + (f"{aim:>6.0f}" if aim else "")
            )
            figures[f"{name}/{side}"] = {"seconds": median, "ratio": ratio}
    if "--json" in sys.argv:
        print(json.dumps(figures))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
