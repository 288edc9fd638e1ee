"""Guest definitions in the form that libvirt prints them, built from a few facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

Attributes = dict[str, str]


def element(name: str, attributes: Attributes | None = None, *children: str, text: str | None = None) -> str:
    """An element as libvirt prints it: two spaces a level, and an empty one in its short form."""
    head = name + "".join(f" {key}={quoteattr(value)}" for key, value in (attributes or {}).items())
    if text is not None:
        return f"<{head}>{escape(text)}</{name}>"
    if not children:
        return f"<{head}/>"
    inner = "\n".join("  " + line for child in children for line in child.split("\n"))
    return f"<{head}>\n{inner}\n</{name}>"


def pci(bus: int, slot: int = 0) -> Attributes:
    """A PCI address as the guest sees it."""
    return {
        "type": "pci",
        "domain": "0x0000",
        "bus": f"0x{bus:02x}",
        "slot": f"0x{slot:02x}",
        "function": "0x0",
    }


def host_pci(address: str) -> Attributes:
    """The attributes of a host's PCI address, which is written as `0000:81:00.1`."""
    bus, function = address.split(".")
    domain, bus, slot = bus.split(":")
    return {"domain": f"0x{domain}", "bus": f"0x{bus}", "slot": f"0x{slot}", "function": f"0x{function}"}


@dataclass
class Guest:
    """What a definition is made of. Each device is its XML."""

    name: str = "instance-00000001"
    uuid: str = "5f5e4c3a-6b0d-4a39-9f0b-0a7d5b1a2c3d"
    vcpus: int = 2
    vcpu_cpuset: str | None = None
    memory_backing: list[str] | None = None
    perf: list[str] | None = None
    cputune: list[str] = field(default_factory=list)
    numatune: list[str] = field(default_factory=list)
    cells: int = 0
    devices: list[str] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)

    def xml(self) -> str:
        """The whole definition."""
        vcpu = {"placement": "static"} | ({"cpuset": self.vcpu_cpuset} if self.vcpu_cpuset else {})
        parts = [
            element("name", text=self.name),
            element("uuid", text=self.uuid),
            element("metadata", {}, *(self.metadata or [nova_metadata(self.name)])),
            element("memory", {"unit": "KiB"}, text="4194304"),
            element("currentMemory", {"unit": "KiB"}, text="4194304"),
        ]
        if self.memory_backing is not None:
            parts.append(element("memoryBacking", {}, *self.memory_backing))
        parts.append(element("vcpu", vcpu, text=str(self.vcpus)))
        if self.cputune:
            parts.append(element("cputune", {}, *self.cputune))
        if self.numatune:
            parts.append(element("numatune", {}, *self.numatune))
        parts += [
            element("os", {}, element("type", {"arch": "x86_64", "machine": "pc-q35-7.2"}, text="hvm")),
            element("features", {}, element("acpi"), element("apic"), element("vmcoreinfo", {"state": "on"})),
            self._cpu(),
            element("clock", {"offset": "utc"}, element("timer", {"name": "pit", "tickpolicy": "delay"})),
            element("on_poweroff", text="destroy"),
            element("on_reboot", text="restart"),
        ]
        if self.perf is not None:
            events = [element("event", {"name": name, "enabled": "yes"}) for name in self.perf]
            parts.append(element("perf", {}, *events))
        parts.append(
            element("devices", {}, element("emulator", text="/usr/bin/qemu-system-x86_64"), *self.devices)
        )
        return element("domain", {"type": "kvm"}, *parts) + "\n"

    def _cpu(self) -> str:
        topology = element("topology", {"sockets": str(self.vcpus), "cores": "1", "threads": "1"})
        if not self.cells:
            return element("cpu", {"mode": "host-model", "check": "partial"}, topology)
        share = self.vcpus // self.cells
        cells = [
            element(
                "cell",
                {"id": str(cell), "cpus": f"{cell * share}-{cell * share + share - 1}"}
                | {"memory": str(4194304 // self.cells), "unit": "KiB", "memAccess": "shared"},
            )
            for cell in range(self.cells)
        ]
        return element(
            "cpu", {"mode": "host-model", "check": "partial"}, topology, element("numa", {}, *cells)
        )


def nova_metadata(name: str) -> str:
    """What Nova writes into a guest's metadata, in its namespace."""
    return element(
        "nova:instance",
        {"xmlns:nova": "http://openstack.org/xmlns/libvirt/nova/1.1"},
        element("nova:package", {"version": "34.0.0"}),
        element("nova:name", text=f"{name} <& co>"),
        element("nova:flavor", {"name": "m1.small"}, element("nova:memory", text="4096")),
    )


def graphics(kind: str, listens: list[Attributes], attribute: str | None = None) -> str:
    """A display with any number of `<listen>`."""
    attributes = {"type": kind, "port": "5900", "autoport": "yes"} | (
        {"listen": attribute} if attribute else {}
    )
    return element("graphics", attributes, *(element("listen", listen) for listen in listens))


def character(tag: str, port: int | None, host: str | None, service: str | None, kind: str = "tcp") -> str:
    """A serial port or a console, by default one that is reached over TCP."""
    source = {"mode": "bind"}
    source |= {"host": host} if host is not None else {}
    source |= {"service": service} if service is not None else {}
    target = element("target", {"type": "isa-serial"} | ({"port": str(port)} if port is not None else {}))
    protocol = [element("protocol", {"type": "raw"})] if kind == "tcp" else []
    return element(tag, {"type": kind}, element("source", source), *protocol, target)


def disk(kind: str, target: str, source: str, *others: str, bus: int = 4, **driver: str) -> str:
    """A disk; `source` and `others` are elements."""
    return element(
        "disk",
        {"type": kind, "device": "disk"},
        element("driver", {"name": "qemu", "type": "raw", "cache": "none"} | driver),
        source,
        element("target", {"dev": target, "bus": "virtio"}),
        *others,
        element("address", pci(bus)),
    )


def rbd_source(image: str, *hosts: tuple[str, str]) -> str:
    """The source of a Ceph disk."""
    children = [element("host", {"name": name, "port": port}) for name, port in hosts]
    return element("source", {"protocol": "rbd", "name": image}, *children)


def interface(kind: str, mac: str | None, source: Attributes, *others: str, bus: int | None = 1) -> str:
    """A network interface; `others` are elements after the model."""
    parts = [element("mac", {"address": mac})] if mac is not None else []
    parts += [element("source", source), element("model", {"type": "virtio"}), *others]
    parts += [element("address", pci(bus))] if bus is not None else []
    return element("interface", {"type": kind}, *parts)


def mdev(uuid: str, bus: int = 6) -> str:
    """A mediated device."""
    return element(
        "hostdev",
        {"mode": "subsystem", "type": "mdev", "managed": "no", "model": "vfio-pci"},
        element("source", {}, element("address", {"uuid": uuid})),
        element("address", pci(bus)),
    )


def hostdev(address: str, bus: int = 7) -> str:
    """A PCI device of the host."""
    return element(
        "hostdev",
        {"mode": "subsystem", "type": "pci", "managed": "yes"},
        element("driver", {"name": "vfio"}),
        element("source", {}, element("address", host_pci(address))),
        element("address", pci(bus)),
    )


def memory_device(model: str, path: str | None = None) -> str:
    """A memory device: an nvdimm with a path, or a dimm without."""
    source = [element("source", {}, element("path", text=path))] if path is not None else []
    size = element("size", {"unit": "KiB"}, text="523264")
    target = element("target", {}, size, element("node", text="0"))
    return element("memory", {"model": model, "access": "shared"}, *source, target)
