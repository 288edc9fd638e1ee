"""Memory stays flat over ten thousand calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from helpers.memory import assert_flat
from libvirt_migrate import Guest, InvalidDomainXml, LibvirtError, build_migrate_params

XML = "<domain><name>vm</name><!--" + "x" * 50_000 + "--></domain>"


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
