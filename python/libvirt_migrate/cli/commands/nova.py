"""`libvirt-migrate nova …`, which belongs to the part for OpenStack Nova."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from ..ends import Exit


def run(arguments: list[str]) -> int:
    """Hands the arguments to `libvirt_migrate.nova`, where this installation has it."""
    try:
        if importlib.util.find_spec("libvirt_migrate.nova") is None:
            raise ImportError("this installation has no part for Nova")
        module = importlib.import_module("libvirt_migrate.nova.__main__")
    except ImportError as error:
        print(f"libvirt-migrate: error: {error}", file=sys.stderr)
        return Exit.USAGE
    # Its parser reads the words of the command line itself.
    before, sys.argv = sys.argv, ["libvirt-migrate nova", *arguments]
    try:
        return int(module.main())
    finally:
        sys.argv = before
