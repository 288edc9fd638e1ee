"""`libvirt-migrate nova …`, which belongs to the part for OpenStack Nova."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from .ends import Exit


def run(arguments: list[str]) -> int:
    """Hands the arguments to `libvirt_migrate.nova`, where this installation has it."""
    if importlib.util.find_spec("libvirt_migrate.nova") is None:
        print("libvirt-migrate: error: this installation has no part for Nova", file=sys.stderr)
        return Exit.USAGE
    return int(importlib.import_module("libvirt_migrate.nova").main(arguments))
