"""The checks of memory, with hosts that have what a test wants: pages of each size and node are apart."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.answering import answering, definition, refusal
from libvirt_migrate.cli.checks.check import Check
from libvirt_migrate.cli.checks.memory import check_memory
from libvirt_migrate.cli.checks.pages import shortage
from libvirt_migrate.cli.definition.memory import DEFAULT_SIZE, Need, needs_of

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
#: Two nodes of 8 GiB, with ordinary pages and two sizes of huge ones.
CAPABILITIES = """<capabilities><host><cpu><pages unit='KiB' size='4'/><pages unit='KiB' size='2048'/>
<pages unit='KiB' size='1048576'/></cpu><topology><cells num='2'>
<cell id='0'><memory unit='KiB'>8388608</memory><cpus num='1'><cpu id='0'/></cpus></cell>
<cell id='1'><memory unit='KiB'>8388608</memory><cpus num='1'><cpu id='1'/></cpus></cell>
</cells></topology></host></capabilities>"""
HUGE = "<memoryBacking><hugepages>{}</hugepages></memoryBacking>"
CELLS = """<cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/>
<cell id='1' cpus='1' memory='3' unit='GiB'/></numa></cpu>"""


class Host:
    """A host with this much free; pages by node and size."""

    def __init__(self, free: Any = 64 * GIB, pages: Any = None, capabilities: Any = CAPABILITIES) -> None:
        self._free, self._pages = free, pages or {}
        self.capabilities = answering(capabilities)

    @property
    def free_memory(self) -> Any:
        return answering(self._free)()

    def free_pages(self, cells: Any, sizes: Any) -> Any:
        if isinstance(self._pages, Exception):
            raise self._pages
        return {key: self._pages.get(key, 0) for key in product(cells, sizes)}


def asked(host: Any, more: str = "") -> list[Check]:
    return [*check_memory(host, definition(more=more))]


@pytest.mark.parametrize(
    ("free", "result"), [(4 * GIB, "pass"), (4 * GIB - 1, "fail"), (refusal(3), "not known")]
)
def test_ordinary_memory(free: Any, result: str) -> None:
    (check,) = asked(Host(free))
    assert (check.name, check.result, check.fatal) == ("memory", result, False)
    if result != "not known":
        assert check.reason.startswith("4.0 GiB needed, ")


@pytest.mark.parametrize(
    ("page", "pages", "result", "reason"),
    [
        ("<page size='2' unit='MiB'/>", {(0, 2 * MIB): 2048}, "pass", "2048 free huge pages of 2 MiB"),
        ("<page size='2' unit='MiB'/>", {(0, 2 * MIB): 1024, (1, 2 * MIB): 1024}, "pass", "2048 free"),
        (
            "<page size='2048' unit='KiB'/>",
            {(0, 2 * MIB): 2047, (0, GIB): 8, (0, 4096): 1 << 30},
            "fail",
            "2048 huge pages of 2 MiB needed, 2047 free: virsh allocpages --add 2048 1",
        ),
        ("<page size='1' unit='G'/>", {(0, 2 * MIB): 9999, (1, GIB): 3}, "fail", "4 huge pages of 1 GiB"),
        ("<page size='16' unit='MiB'/>", {}, "fail", "the destination has no pages of 16 MiB"),
        ("<page size='2' unit='MiB'/>", refusal(1, "no idea"), "not known", "no idea"),
        ("", {(0, 2 * MIB): 2048, (0, GIB): 4}, "pass", "free huge pages"),
        ("", {}, "fail", "huge pages of 2 MiB needed, 0 free"),
        ("", {(0, 2 * MIB): 2048}, "not known", "enough are free if that is 2 MiB"),
    ],
)
def test_huge_pages(page: str, pages: Any, result: str, reason: str) -> None:
    # No memory but huge pages is needed, so that it does not matter that there is none.
    (check,) = asked(Host(free=0, pages=pages), HUGE.format(page))
    assert (check.result, reason in check.reason) == (result, True), check


def test_a_host_that_does_not_tell_its_pages() -> None:
    (check,) = asked(Host(capabilities=refusal(1)), HUGE.format("<page size='2' unit='MiB'/>"))
    assert check.result == "not known"


def test_huge_pages_of_ordinary_size_are_ordinary_memory() -> None:
    (check,) = asked(Host(4 * GIB), HUGE.format("<page size='4' unit='KiB'/>"))
    assert (check.result, check.reason) == ("pass", "4.0 GiB needed, 4.0 GiB free")


BOUND = "<numatune><memory mode='{}' nodeset='1'/></numatune>"


@pytest.mark.parametrize(
    ("mode", "nodes", "pages", "results"),
    [
        ("strict", "1", {(1, 4096): GIB // 1024}, ["pass", "pass"]),
        ("strict", "1", {(0, 4096): GIB // 1024}, ["pass", "not known"]),
        ("preferred", "1", {}, ["pass"]),
        ("strict", "7", {}, ["pass"]),
    ],
)
def test_memory_of_a_node(mode: str, nodes: str, pages: Any, results: list[str]) -> None:
    more = BOUND.format(mode).replace("'1'", f"'{nodes}'")
    assert [check.result for check in asked(Host(pages=pages), more)] == results


def test_a_node_that_is_too_small() -> None:
    small = CAPABILITIES.replace("8388608</memory><cpus num='1'><cpu id='1'/>", "1024</memory><cpus/><cpus>")
    checks = asked(Host(capabilities=small), BOUND.format("strict"))
    assert [check.result for check in checks] == ["pass", "fail"]


def test_huge_pages_of_a_node() -> None:
    more = HUGE.format("<page size='2' unit='MiB'/>") + BOUND.format("strict")
    (check,) = asked(Host(pages={(0, 2 * MIB): 4096, (1, 2 * MIB): 100}), more)
    assert check.result == "fail"
    assert check.reason.startswith("2048 huge pages of 2 MiB needed on node 1, 100 free")


def test_needs() -> None:
    def found(more: str, devices: str = "") -> tuple[Need, ...]:
        return needs_of(definition(devices, more))

    whole = 4 * GIB
    assert found("") == (Need(whole),)
    assert found(HUGE.format("")) == (Need(whole, DEFAULT_SIZE),)
    assert found(HUGE.format("<page size='1' unit='GiB' nodeset='0'/>")) == (Need(whole, GIB),)
    assert found(CELLS) == (Need(GIB), Need(3 * GIB))
    of_one = "<page size='2' unit='MiB'/><page size='1' unit='GiB' nodeset='1'/>"
    assert found(CELLS + HUGE.format(of_one)) == (Need(GIB, 2 * MIB), Need(3 * GIB, GIB))
    assert found(CELLS + HUGE.format("<page size='1' unit='GiB' nodeset='1'/>"))[0] == Need(GIB)
    node = "<memnode cellid='1' mode='strict' nodeset='1'/>"
    tuned = f"<numatune><memory mode='strict' nodeset='0-1'/>{node}</numatune>"
    assert found(CELLS + tuned) == (Need(GIB, None, frozenset({0, 1})), Need(3 * GIB, None, frozenset({1})))
    loose = tuned.replace("cellid='1' mode='strict'", "cellid='1' mode='restrictive'")
    assert found(CELLS + loose)[1] == Need(3 * GIB)
    dimm = """<memory model='dimm'><source><pagesize unit='KiB'>2048</pagesize><nodemask>1</nodemask></source>
    <target><size unit='MiB'>512</size><node>0</node></target></memory>
    <memory model='nvdimm'><source><path>/x</path></source>
    <target><size unit='GiB'>1</size></target></memory>"""
    assert found("", dimm) == (Need(whole - 512 * MIB), Need(512 * MIB, 2 * MIB, frozenset({1})))


def test_nodes_that_are_enough_for_each_part_and_not_for_both() -> None:
    page = 2 * MIB
    needs = [Need(4 * page, page, frozenset(nodes)) for nodes in ({0, 1}, {1, 2})]
    free = {(node, page): 2 for node in range(3)}
    assert shortage(needs[:1], free, page) is shortage(needs[1:], free, page) is None
    found = shortage(needs, free, page)
    assert found is not None
    assert (found.nodes, found.needed, found.free) == (None, 8, 6)


SETS = st.none() | st.frozensets(st.integers(0, 2), min_size=1)


@given(
    st.lists(st.tuples(st.integers(0, 6), SETS), max_size=4),
    st.lists(st.integers(0, 6), min_size=3, max_size=3),
)
def test_pages_are_enough_just_where_they_can_be_handed_out(parts: Any, there: list[int]) -> None:
    page = 2 * MIB
    needs = [Need(count * page, page, nodes) for count, nodes in parts]
    found = shortage(needs, {(node, page): count for node, count in enumerate(there)}, page)
    assert (found is None) == _fits([(count, nodes) for count, nodes in parts], there)


def _fits(parts: list[tuple[int, frozenset[int] | None]], there: list[int]) -> bool:
    """By trying all ways to hand out the pages."""
    if not parts:
        return True
    (count, nodes), *rest = parts
    places = range(3) if nodes is None else sorted(nodes)
    for taken in product(*(range(min(count, there[node]) + 1) for node in places)):
        if sum(taken) == count:
            left = list(there)
            for node, pages in zip(places, taken, strict=True):
                left[node] -= pages
            if _fits(rest, left):
                return True
    return False
