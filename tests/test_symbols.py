"""What the module is linked with: nothing of libvirt that the oldest supported one lacks."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from libvirt_migrate import _core

#: Nova 31, the oldest that is supported, runs with this one. Debian 12 has 9.0.0.
OLDEST = (8, 0, 0)

Symbol = tuple[str, tuple[int, ...]]


def wanted(table: str) -> Iterator[Symbol]:
    """Symbols of libvirt that a module wants, each with the version that brought it."""
    for line in table.splitlines():
        found = re.search(r" UND (\w+)@LIBVIRT_([\d.]+)", line)
        if found:
            yield found[1], tuple(int(part) for part in found[2].split("."))


def symbols(module: str) -> list[Symbol]:
    """Those of a module's file."""
    command = ["readelf", "--wide", "--dyn-syms", module]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Of libvirt's other kinds of versions, its private one would be wrong in any case.
    assert "@LIBVIRT_PRIVATE" not in table
    return list(wanted(table))


def too_new(found: list[Symbol]) -> list[Symbol]:
    """Those that the oldest libvirt lacks."""
    return [(name, version) for name, version in found if version > OLDEST]


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
