"""What a host's capabilities tell of its processors, NUMA nodes and page sizes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from .quantities import size_of, unit_of


@dataclass(frozen=True)
class Topology:
    """A host's processors and memory. What it does not tell is empty."""

    #: The memory of each NUMA node, bytes.
    nodes: dict[int, int]
    #: The processors, by their numbers.
    cpus: frozenset[int]
    #: The sizes of pages that it has, bytes, ascending; the first one is that of ordinary pages.
    pages: tuple[int, ...]


def read_topology(capabilities: str) -> Topology:
    """Reads a host's capabilities."""
    host = ElementTree.fromstring(capabilities).find("host")  # noqa: S314
    if host is None:
        return Topology({}, frozenset(), ())
    nodes, cpus = {}, set()
    for cell in host.iterfind("topology/cells/cell"):
        memory = cell.find("memory")
        nodes[int(cell.get("id", "0"))] = 0 if memory is None else size_of(memory)
        cpus |= {int(cpu.get("id", "0")) for cpu in cell.iterfind("cpus/cpu")}
    pages = (int(page.get("size", "0")) * unit_of(page.get("unit")) for page in host.iterfind("cpu/pages"))
    return Topology(nodes, frozenset(cpus), tuple(sorted(pages)))
