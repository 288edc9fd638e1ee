"""The checks of memory: ordinary pages and huge ones, which are apart, on the nodes that are named."""

from __future__ import annotations

from collections.abc import Iterator

from ... import Host
from ..definition.memory import DEFAULT_SIZE, Need, needs_of
from ..definition.quantities import show_numbers
from ..definition.summary import Definition
from ..definition.topology import Topology, read_topology
from ..terminal.values import show_size
from .asking import Unknown, ask
from .check import Check
from .pages import shortage

_NAME = "memory"


def check_memory(host: Host, definition: Definition) -> Iterator[Check]:
    """The destination has the memory, in pages of the size that the guest has."""
    needs = needs_of(definition)
    capabilities = ask(host.capabilities)
    topology = read_topology("<x/>" if isinstance(capabilities, Unknown) else capabilities)
    ordinary = [need for need in needs if need.page is None or need.page in topology.pages[:1]]
    huge = [need for need in needs if need not in ordinary]
    if sum(need.size for need in ordinary):
        yield _free(host, sum(need.size for need in ordinary))
        bound = [need for need in ordinary if need.nodes is not None]
        yield from _bound(host, topology, bound) if bound else ()
    if huge:
        yield from _huge(host, topology, huge)


def _free(host: Host, size: int) -> Check:
    free = ask(lambda: host.free_memory)
    if isinstance(free, Unknown):
        return Check(_NAME, "not known", free.reason)
    # What is in huge pages is no part of this.
    text = f"{show_size(size)} needed, {show_size(free)} free"
    return Check(_NAME, "pass" if free >= size else "fail", text)


def _bound(host: Host, topology: Topology, needs: list[Need]) -> Iterator[Check]:
    """Ordinary memory of nodes that are named. How much of it caches files and makes way, nobody tells."""
    sizes = topology.pages[:1]
    wanted = frozenset().union(*(need.nodes or frozenset() for need in needs))
    there = sorted(wanted & topology.nodes.keys())
    if not there or not sizes:
        return
    free = ask(lambda: host.free_pages(there, sizes))
    total = sum(need.size for need in needs)
    where = f"{show_size(total)} needed of node {show_numbers(wanted)}"
    if sum(topology.nodes[node] for node in there) < total:
        advice = f"--set numa.memory={show_numbers(topology.nodes)}"
        yield Check(_NAME, "fail", f"{where}, which has less at all: {advice}")
    elif isinstance(free, Unknown):
        yield Check(_NAME, "not known", f"{where}: {free.reason}")
    elif shortage(needs, free, sizes[0]) is None:
        yield Check(_NAME, "pass", f"{where}, which has it free")
    else:
        yield Check(_NAME, "not known", f"{where}: does what caches files there make way? numastat -m tells")


def _huge(host: Host, topology: Topology, needs: list[Need]) -> Iterator[Check]:
    sizes = topology.pages[1:]
    if not sizes or not topology.nodes:
        reason = "the destination does not tell its huge pages: virsh freepages --all there may"
        yield Check(_NAME, "not known", reason)
        return
    free = ask(lambda: host.free_pages(sorted(topology.nodes), sizes))
    if isinstance(free, Unknown):
        yield Check(_NAME, "not known", f"{free.reason}; virsh freepages --all there tells the huge pages")
        return
    for page in dict.fromkeys(need.page for need in needs):
        ours = [need for need in needs if need.page == page]
        if page is None or page == DEFAULT_SIZE:
            yield _of_default_size(ours, free, sizes)
        elif page not in sizes:
            yield Check(_NAME, "fail", f"the destination has no pages of {_size(page)}")
        else:
            yield _of_size(ours, free, page)


def _of_size(needs: list[Need], free: dict[tuple[int, int], int], page: int) -> Check:
    short = shortage(needs, free, page)
    if short is None:
        count = sum(-(-need.size // page) for need in needs)
        return Check(_NAME, "pass", f"{count} free huge pages of {_size(page)} are there")
    where = "" if short.nodes is None else f" on node {show_numbers(short.nodes)}"
    advice = f"virsh allocpages --add {page // 1024} {short.needed - short.free} there makes some"
    reason = f"{short.needed} huge pages of {_size(page)} needed{where}, {short.free} free: {advice}"
    return Check(_NAME, "fail", reason)


def _of_default_size(needs: list[Need], free: dict[tuple[int, int], int], sizes: tuple[int, ...]) -> Check:
    """Huge pages of the size that the host takes for its own, which it does not tell."""
    found = [_of_size(needs, free, size) for size in sizes]
    if len({check.result for check in found}) == 1:
        return found[0]
    enough = ", ".join(
        _size(size) for size, check in zip(sizes, found, strict=True) if check.result == "pass"
    )
    reason = f"huge pages of the destination's own size: enough are free if that is {enough}"
    return Check(_NAME, "not known", reason)


def _size(page: int) -> str:
    return show_size(page).replace(".0 ", " ")
