"""`libvirt-migrate nova …`, which belongs to the part for OpenStack Nova."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from ..ends import Exit
from ..errors import not_here


def run(arguments: list[str]) -> int:
    """Hands the arguments to `libvirt_migrate.nova`, where this installation has it."""
    # Its parser reads the words of the command line itself.
    before, sys.argv = sys.argv, ["libvirt-migrate nova", *arguments]
    try:
        if importlib.util.find_spec("libvirt_migrate.nova") is None:
            raise ImportError("the part for Nova")
        return int(importlib.import_module("libvirt_migrate.nova.__main__").main())
    except ImportError as error:
        print(f"libvirt-migrate: error: {not_here(error)}", file=sys.stderr)
        return Exit.USAGE
    finally:
        sys.argv = before
