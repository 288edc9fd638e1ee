"""Huge pages, processors and NUMA nodes."""

from __future__ import annotations

from collections.abc import Callable

from helpers.huge_pages import make_pages

from .frame import Stage, replacing
from .situation import situation

THEME = "Memory and processors of the destination"
#: What the guest needs, in pages of 2 MiB.
_NEEDED = 32


def huge(size: str) -> Callable[[str], str]:
    """An edit for a guest in huge pages."""
    pages = f"<hugepages><page size='{size}' unit='MiB'/></hugepages>"
    return replacing("<vcpu>", f"<memoryBacking>{pages}<source type='memfd'/></memoryBacking><vcpu>")


@situation(THEME, "too few huge pages, though memory is free", "fail", "memory", quick=True)
def huge_pages_taken(stage: Stage) -> None:
    make_pages(stage.clean, _NEEDED + 8)
    stage.start(edit=huge("2"))


@situation(THEME, "enough huge pages", "ready")
def huge_pages_free(stage: Stage) -> None:
    make_pages(stage.clean, 2 * _NEEDED)
    stage.start(edit=huge("2"))


@situation(THEME, "bound to a processor that is missing there", "fail", "placement")
def processor_missing(stage: Stage) -> None:
    stage.options += ["--set", "vcpu_cpuset=4000"]
    stage.start()


@situation(THEME, "bound to processors of which one is missing there", "ready", unknown=("placement",))
def processor_partly(stage: Stage) -> None:
    stage.options += ["--set", "vcpu_cpuset=0,4000"]
    stage.start()


@situation(THEME, "bound to a NUMA node that is missing there", "fail", "placement")
def node_missing(stage: Stage) -> None:
    stage.options += ["--set", "numa.memory=77"]
    stage.start()


@situation(THEME, "bound to a NUMA node that is there", "ready")
def node_there(stage: Stage) -> None:
    stage.options += ["--set", "numa.memory=0"]
    stage.start()
