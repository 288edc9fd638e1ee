"""What a module is linked with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

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
