"""Changes a definition for another host and shows what changed; asks no libvirt.

python examples/definition.py vm1.xml '{"graphics": {"vnc": "192.0.2.2"}}'
"""

from __future__ import annotations

import sys
from pathlib import Path

from libvirt_migrate import MigrationError, Retarget, diff_xml, retarget_xml


def main() -> int:
    """The exit code."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    # Bytes: the document says itself how it is encoded.
    before = Path(sys.argv[1]).read_bytes()
    try:
        after = retarget_xml(before, Retarget.from_json(sys.argv[2]))
    except MigrationError as error:
        print(error, file=sys.stderr)
        return 1
    for change in diff_xml(before, after):
        print(change)
    return 0


if __name__ == "__main__":
    sys.exit(main())
