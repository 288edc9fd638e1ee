"""Scales of a plot: steps that people like, and where a value goes."""

from __future__ import annotations

import math
from dataclasses import dataclass


def ticks(top: float, most: int = 5, *, binary: bool = False) -> list[float]:
    """0, and even steps of 1, 2 or 5 times a power of ten (of two, for bytes) that reach past `top`."""
    if not top > 0 or math.isinf(top):
        return [0.0, 1.0]
    unit = 1024.0 ** int(math.log(top, 1024)) if binary and top >= 1024 else 1.0
    rough = top / unit / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9)) * power * unit
    return [step * index for index in range(math.ceil(top / step - 1e-9) + 1)]


def ceiling(values: list[float]) -> float:
    """How far an axis should reach.

    A spike of one sample in twenty, such as post-copy's first pages over a link that was limited before,
    would leave all else lying on the ground: the axis ends below it.
    """
    ordered = sorted(value for value in values if not math.isinf(value))
    few = len(ordered) // 20
    if few and ordered[-1] > 3 * ordered[-few - 1] > 0:
        return ordered[-few - 1]
    return ordered[-1] if ordered else 0.0


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    top: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel, to a tenth; what is outside stays at the edge."""
        part = min(max(value / self.top, 0.0), 1.0)
        return round(self.start + part * (self.end - self.start), 1)


def beside(places: list[float], width: float, end: float) -> list[float]:
    """Rising places moved apart, so that marks of this width do not overlap, and none is past `end`."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + width) if moved else place)
    last = len(moved) - 1
    return [round(min(place, end - (last - index) * width), 1) for index, place in enumerate(moved)]
