"""What the logs of a cloud have to say for a run that was not right."""

from __future__ import annotations

import re
from pathlib import Path

#: Lines at the end of a log that are looked at, those of them that are told, and how much of each.
_LOOKED_AT, _TOLD, _WIDTH = 4000, 4, 240
#: A line that tells of a fault: OpenStack's levels, those of MariaDB and RabbitMQ, and Python's last words.
_FAULT = re.compile(r"^\S+ \S+ \d+ (ERROR|CRITICAL) |\[(ERROR|error)\]|^[\w.]*(Error|Exception)\b|^Traceback")


def faults(folder: Path) -> list[str]:
    """The newest lines that tell of a fault, of each log in a folder; a folder that is not there has none."""
    told = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        lines = path.read_text(errors="replace").splitlines()[-_LOOKED_AT:]
        found = [line for line in lines if _FAULT.search(line)]
        told += [f"{path.relative_to(folder)}: {line[:_WIDTH]}" for line in found[-_TOLD:]]
    return told
