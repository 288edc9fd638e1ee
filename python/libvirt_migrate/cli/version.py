"""The version of this installation."""

from __future__ import annotations

import os
import sys

_PREFIX, _SUFFIX = "libvirt_migrate-", ".dist-info"


def version() -> str:
    """The version, from the name of the installed metadata: the native module would load libvirt."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                return name[len(_PREFIX) : -len(_SUFFIX)]
    from .. import __version__

    return __version__
