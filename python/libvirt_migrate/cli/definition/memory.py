"""The memory that a definition needs: how much, in pages of which size, from which NUMA nodes of the host."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

from .quantities import numbers_of, size_of, unit_of
from .summary import Definition

#: Memory that is not backed by files of its own.
_ORDINARY_DEVICES = ("dimm", "virtio-mem")
#: Huge pages of the size that the host takes where none is named.
DEFAULT_SIZE = 0


@dataclass(frozen=True)
class Need:
    """A part of the guest's memory."""

    #: Bytes.
    size: int
    #: The size of its pages, bytes; DEFAULT_SIZE for huge pages of a size that the host chooses, `None` for
    #: ordinary ones.
    page: int | None = None
    #: The NUMA nodes of the host that it must come from; `None` for any.
    nodes: frozenset[int] | None = None


def needs_of(definition: Definition) -> tuple[Need, ...]:
    """The parts of the memory; together they are all of it."""
    root = definition.root
    pages, binding = _Pages.of(root), _Binding.of(root)
    devices = [*_devices(root, pages, binding)]
    cells = root.findall("cpu/numa/cell")
    if not cells:
        rest = max(0, definition.memory - sum(need.size for need in devices))
        return (Need(rest, pages.of_cell(None), binding.of_cell(None)), *devices)
    parts = []
    for at, cell in enumerate(cells):
        number = int(cell.get("id", at))
        parts.append(Need(size_of(cell, "memory"), pages.of_cell(number), binding.of_cell(number)))
    return (*parts, *devices)


def _devices(root: ElementTree.Element, pages: _Pages, binding: _Binding) -> Iterator[Need]:
    for device in root.iterfind("devices/memory"):
        if device.get("model") not in _ORDINARY_DEVICES:
            continue
        size, node = device.find("target/size"), device.findtext("target/node")
        if size is None:
            continue
        cell = None if node is None else int(node)
        page, nodes = device.find("source/pagesize"), device.findtext("source/nodemask")
        yield Need(
            size_of(size),
            pages.of_cell(cell) if page is None else size_of(page),
            binding.of_cell(cell) if nodes is None else binding.to(numbers_of(nodes)),
        )


@dataclass(frozen=True)
class _Pages:
    """The page sizes: of guest cells that are named, and of all others."""

    named: tuple[tuple[frozenset[int], int], ...]
    others: int | None

    @classmethod
    def of(cls, root: ElementTree.Element) -> _Pages:
        huge = root.find("memoryBacking/hugepages")
        if huge is None:
            return cls((), None)
        found = huge.findall("page")
        if not found:
            return cls((), DEFAULT_SIZE)
        has_cells = root.find("cpu/numa/cell") is not None
        named, others = [], None
        for page in found:
            size = int(page.get("size", "0")) * unit_of(page.get("unit"))
            cells = numbers_of(page.get("nodeset"))
            # A guest without cells is one.
            if not cells or not has_cells:
                others = size
            else:
                named.append((cells, size))
        return cls(tuple(named), others)

    def of_cell(self, cell: int | None) -> int | None:
        return next((size for cells, size in self.named if cell in cells), self.others)


@dataclass(frozen=True)
class _Binding:
    """The host's NUMA nodes that memory must come from: of guest cells that are named, and of all others."""

    named: tuple[tuple[int, frozenset[int] | None], ...]
    others: frozenset[int] | None
    #: Whether nodes that a memory device names bind it.
    is_strict: bool

    @classmethod
    def of(cls, root: ElementTree.Element) -> _Binding:
        memory = root.find("numatune/memory")
        is_strict = memory is None or memory.get("mode", "strict") == "strict"
        nodes = numbers_of(None if memory is None else memory.get("nodeset"))
        named = []
        for cell in root.iterfind("numatune/memnode"):
            strict = cell.get("mode", "strict") == "strict"
            named.append((int(cell.get("cellid", "-1")), numbers_of(cell.get("nodeset")) if strict else None))
        return cls(tuple(named), nodes if is_strict and nodes else None, is_strict)

    def of_cell(self, cell: int | None) -> frozenset[int] | None:
        return next((nodes for number, nodes in self.named if number == cell), self.others)

    def to(self, nodes: frozenset[int]) -> frozenset[int] | None:
        return nodes if self.is_strict else None
