"""Sizes and sets of numbers as libvirt writes them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

_BINARY = "kmgtpe"


def size_of(element: ElementTree.Element, attribute: str | None = None) -> int:
    """A size in bytes: the text of an element or this attribute of it, in its unit (else KiB)."""
    text = element.text if attribute is None else element.get(attribute)
    return int(text or 0) * unit_of(element.get("unit"))


def unit_of(name: str | None) -> int:
    """How many bytes a unit of libvirt's has: KB is 1000, KiB and K are 1024. KiB where none is named."""
    name = (name or "KiB").lower()
    if name in ("b", "byte", "bytes"):
        return 1
    base = 1000 if name.endswith("b") and not name.endswith("ib") else 1024
    return int(base ** (_BINARY.index(name[0]) + 1))


def numbers_of(text: str | None) -> frozenset[int]:
    """The numbers of a set such as 0-3,^2,8."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.strip().lstrip("^").partition("-")
        if not first:
            continue
        numbers = range(int(first), int(last or first) + 1)
        found = found.difference(numbers) if part.strip().startswith("^") else found.union(numbers)
    return frozenset(found)


def show_numbers(numbers: Iterable[int]) -> str:
    """A set as libvirt writes it: 0-3,8."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
