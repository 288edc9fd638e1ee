"""What libvirt's own testers move (autotest/tp-libvirt), and where that is here: the lines of groups.txt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STANDINGS = ("here", "elsewhere", "in part", "not here")


@dataclass(frozen=True)
class Group:
    """A group of tp-libvirt's."""

    name: str
    #: One of STANDINGS: tried by cells here, in another place of this project, a part only, or not to be had.
    standing: str
    #: The cells that are it, by their names in the code.
    cells: tuple[str, ...]
    #: What is where, or why it is not, in Markdown.
    why: str


def groups() -> list[Group]:
    """All of them."""
    found = []
    for line in Path(__file__).with_suffix(".txt").read_text().splitlines():
        if not line.startswith("#"):
            name, standing, cells, why = (part.strip() for part in line.split("|"))
            assert standing in STANDINGS, line
            found.append(Group(name, standing, tuple(cells.split()), why))
    return found
