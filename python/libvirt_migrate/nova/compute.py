"""`libvirt-migrate-nova-compute`: nova-compute with the overrides, wherever Nova is installed.

For a Nova whose package this one is not installed beside (an editable one, say), where Nova cannot find the
driver `libvirt_migrate.LibvirtDriver`. It takes nova-compute's arguments, and leaves `compute_driver` as it
is.
"""

from __future__ import annotations

import sys

from .release import UnsupportedNova, major


def main() -> int:
    """Runs nova-compute; returns when the service has ended."""
    try:
        major()
        # Nova's own command is imported first: it is what sets the threading mode up.
        from nova.cmd import compute

        from . import overrides

        overrides.install()
        # Nova has no log yet, so this is for the service manager's.
        print(f"libvirt-migrate-nova-compute: {overrides.summary()}", file=sys.stderr)
    except UnsupportedNova as error:
        print(f"libvirt-migrate-nova-compute: {error}", file=sys.stderr)
        return 1
    compute.main()
    return 0
