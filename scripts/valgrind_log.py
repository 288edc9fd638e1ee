"""Fails where an error in a log of valgrind's goes by way of the native module, libvirt or libvirt-python.

python scripts/valgrind_log.py LOG
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

#: Frames of ours and of what we call: by the file, where a function has no name, or by the function.
OURS = re.compile(r"_core\.abi3|libvirt_migrate|pyo3|libvirt\.so|libvirtmod|\bvir[A-Z]\w+|\(\w+\.rs:\d+\)")


def errors(log: str) -> list[str]:
    """The errors of a log that are ours; each is a paragraph."""
    return [error for error in re.split(r"\n==\d+== *\n", log) if OURS.search(error)]


def main(path: str) -> int:
    """The command."""
    log = Path(path).read_text()
    found = errors(log)
    print("\n\n".join(found) if found else f"no error of ours ({len(log.splitlines())} lines about Python)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
