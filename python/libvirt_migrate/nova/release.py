"""Which Nova this is, and whether the drop-in knows it."""

from __future__ import annotations

import functools
import importlib.metadata
import re

from ..errors import MigrationError

#: The major releases whose live-migration path the overrides were written for and tried with.
SUPPORTED = tuple(range(25, 35))


class UnsupportedNova(MigrationError):
    """Nova is missing, or of a release that this drop-in does not know. Nothing was overridden."""


@functools.cache
def version() -> str:
    """Nova's version, such as `34.0.0`."""
    try:
        return importlib.metadata.version("nova")
    except importlib.metadata.PackageNotFoundError:
        raise UnsupportedNova("Nova is not installed in this Python environment") from None


@functools.cache
def major() -> int:
    """Nova's major release. Raises UnsupportedNova where the drop-in does not know it."""
    found = version()
    number = re.match(r"\d+", found)
    if number is None or int(number[0]) not in SUPPORTED:
        raise UnsupportedNova(
            f"libvirt-migrate supports Nova {SUPPORTED[0]} to {SUPPORTED[-1]}, and this is Nova {found}; "
            "set compute_driver = libvirt.LibvirtDriver to start without it"
        )
    return int(number[0])
