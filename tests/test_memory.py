"""Memory stays flat over ten thousand calls."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate import Guest, InvalidDomainXml, LibvirtError, build_migrate_params

XML = "<domain><name>vm</name><!--" + "x" * 50_000 + "--></domain>"
#: What an allocator may keep. One leaked definition a call would be 500 MB, one leaked word a call 80 kB.
BOUND = 2 * 1024 * 1024


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def assert_flat(call: Callable[[], Any], times: int = 10_000) -> None:
    for _ in range(times // 10):
        call()
    before = resident()
    for _ in range(times):
        call()
    assert resident() - before < BOUND


def build() -> None:
    assert len(dict(build_migrate_params(XML, migrate_disks=["vda"]))) == 3


def build_badly() -> None:
    with pytest.raises(InvalidDomainXml):
        build_migrate_params(XML[:-1])


def open_and_fail() -> None:
    guest = Guest.open("test", uri="test:///default")
    with pytest.raises(LibvirtError):
        guest.job_info()


@pytest.mark.parametrize("call", [build, build_badly])
def test_building_leaves_memory_flat(call: Callable[[], None]) -> None:
    assert_flat(call)


def test_opening_and_failing_leaves_memory_flat() -> None:
    assert_flat(open_and_fail, 2_000)
