"""The processors and NUMA nodes of its host that a definition names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .quantities import numbers_of
from .summary import Definition


@dataclass(frozen=True)
class Place:
    """Something that is bound to processors or to NUMA nodes."""

    what: str
    #: Whether these are CPUs or nodes.
    kind: Literal["cpus", "nodes"]
    numbers: frozenset[int]
    #: The `--set` that changes it, up to its value, with {} where the numbers go; `None` where none does.
    option: str | None
    #: libvirt binds memory so by control groups alone, where it has them.
    is_loose: bool = False


def places_of(definition: Definition) -> tuple[Place, ...]:
    """What is bound, in the definition's order."""
    return tuple(place for place in _places(definition) if place.numbers)


def is_automatic(definition: Definition) -> bool:
    """Whether the host is to choose the nodes by itself, for which libvirt needs numad."""
    root = definition.root
    return any(
        element is not None and element.get("placement") == "auto"
        for element in (root.find("vcpu"), root.find("numatune/memory"))
    )


def _places(definition: Definition) -> Iterator[Place]:
    root = definition.root
    vcpu = root.find("vcpu")
    if vcpu is not None:
        yield Place("the vCPUs", "cpus", numbers_of(vcpu.get("cpuset")), "vcpu_cpuset={}")
    for pin in root.iterfind("cputune/vcpupin"):
        number = pin.get("vcpu", "")
        # In JSON, for which braces are no places to fill.
        option = f'numa.vcpu_pins={{{{{json.dumps(number)}:"{{}}"}}}}'
        yield Place(f"vCPU {number}", "cpus", numbers_of(pin.get("cpuset")), option)
    for pin in root.iterfind("cputune/emulatorpin"):
        yield Place("the emulator", "cpus", numbers_of(pin.get("cpuset")), "numa.emulator_pin={}")
    for pin in root.iterfind("cputune/iothreadpin"):
        what = f"I/O thread {pin.get('iothread', '')}"
        yield Place(what, "cpus", numbers_of(pin.get("cpuset")), "numa.iothread_pin={}")
    for memory in root.iterfind("numatune/memory"):
        nodes, loose = numbers_of(memory.get("nodeset")), memory.get("mode") == "restrictive"
        yield Place("the memory", "nodes", nodes, "numa.memory={}", loose)
    for cell in root.iterfind("numatune/memnode"):
        number, loose = cell.get("cellid", ""), cell.get("mode") == "restrictive"
        option = f'numa.cell_pins={{{{{json.dumps(number)}:"{{}}"}}}}'
        yield Place(f"the memory of cell {number}", "nodes", numbers_of(cell.get("nodeset")), option, loose)
    for device in root.iterfind("devices/memory/source"):
        yield Place("a memory device", "nodes", numbers_of(device.findtext("nodemask")), None)
