"""The check of processors and NUMA nodes that a guest is bound to."""

from __future__ import annotations

from collections.abc import Iterator

from ... import Host
from ..definition.placement import Place, is_automatic, places_of
from ..definition.quantities import show_numbers
from ..definition.summary import Definition
from ..definition.topology import Topology, read_topology
from .asking import Unknown, ask
from .check import Check

_NAME = "placement"


def check_placement(host: Host, definition: Definition) -> Iterator[Check]:
    """The destination has the processors and nodes that are named."""
    places = places_of(definition)
    if is_automatic(definition):
        yield Check(_NAME, "not known", "libvirt places the guest by numad: does the destination have it?")
    if not places:
        return
    capabilities = ask(host.capabilities)
    topology = read_topology("<x/>" if isinstance(capabilities, Unknown) else capabilities)
    if not topology.cpus:
        yield Check(
            _NAME, "not known", "the destination does not tell its processors: virsh capabilities there"
        )
        return
    checks = [_check(place, topology) for place in places]
    found = [check for check in checks if check is not None]
    yield from found or [Check(_NAME, "pass", "the destination has the processors and nodes that are named")]


def _check(place: Place, topology: Topology) -> Check | None:
    there = topology.cpus if place.kind == "cpus" else frozenset(topology.nodes)
    missing = place.numbers - there
    if not missing:
        return None
    thing = "CPU" if place.kind == "cpus" else "NUMA node"
    what = f"{place.what}: the destination has no {thing} {show_numbers(missing)}"
    advice = "" if place.option is None else f": --set '{place.option.format(show_numbers(there))}'"
    # Linux takes those processors of a set that are there; control groups may not.
    is_partly = place.kind == "cpus" and bool(place.numbers & there)
    if is_partly or place.is_loose:
        return Check(_NAME, "not known", f"{what}{advice}")
    return Check(_NAME, "fail", f"{what}{advice}")
