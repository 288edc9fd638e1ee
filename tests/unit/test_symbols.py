"""What the module is linked with: nothing of libvirt that the oldest supported one lacks."""

from __future__ import annotations

import shutil

import pytest

from helpers.symbols import Symbol, symbols, too_new, wanted
from libvirt_migrate import _core


@pytest.fixture(scope="module")
def linked() -> list[Symbol]:
    """Those of this module."""
    if shutil.which("readelf") is None:
        pytest.skip("without readelf, of binutils; `make matrix` looks at the wheel's")
    return symbols(_core.__file__)


def test_no_symbol_is_newer_than_the_oldest_libvirt(linked: list[Symbol]) -> None:
    assert ("virDomainMigrateToURI3", (1, 1, 0)) in linked
    assert len(linked) > 30
    assert too_new(linked) == []


def test_what_is_newer_is_looked_up(linked: list[Symbol]) -> None:
    assert "virDomainAbortJobFlags" not in dict(linked)


def test_the_rule_finds_a_newer_one() -> None:
    row = "    40: 0000000000000000     0 FUNC GLOBAL DEFAULT  UND virDomainAbortJobFlags@LIBVIRT_8.5.0 (8)\n"
    own = "    41: 0000000000001139    22 FUNC GLOBAL DEFAULT   14 PyInit__core\n"
    assert too_new(list(wanted(row + own))) == [("virDomainAbortJobFlags", (8, 5, 0))]
