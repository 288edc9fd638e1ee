"""Whether free pages are enough for parts of memory that may each come from some nodes only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from ..definition.memory import Need


@dataclass(frozen=True)
class Shortage:
    """Nodes that have too few pages for what must come from them."""

    #: `None` for all nodes of the host.
    nodes: frozenset[int] | None
    #: Pages.
    needed: int
    free: int


def shortage(needs: Iterable[Need], free: dict[tuple[int, int], int], page: int) -> Shortage | None:
    """The nodes that have too few free pages of this size, bytes; `free` has how many by node and size.

    Memory can come from several of its nodes, so that it is enough if each set of nodes has as many pages
    as what can come from nowhere else.
    """
    everything = frozenset(node for node, _ in free)
    parts: dict[frozenset[int], int] = {}
    for need in needs:
        nodes = everything if need.nodes is None else need.nodes
        parts[nodes] = parts.get(nodes, 0) + -(-need.size // page)
    for nodes in _unions(tuple(parts)):
        needed = sum(count for part, count in parts.items() if part <= nodes)
        there = sum(free.get((node, page), 0) for node in nodes)
        if there < needed:
            return Shortage(None if nodes >= everything else nodes, needed, there)
    return None


def _unions(parts: tuple[frozenset[int], ...]) -> list[frozenset[int]]:
    """What any of these sets are together, the smallest first; of very many sets only themselves and all."""
    if len(parts) > 10:
        return sorted({*parts, frozenset().union(*parts)}, key=len)
    chosen = (some for count in range(1, len(parts) + 1) for some in combinations(parts, count))
    return sorted(
        {frozenset().union(*some) for some in chosen}, key=lambda nodes: (len(nodes), sorted(nodes))
    )
