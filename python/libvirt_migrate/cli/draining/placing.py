"""Which guest goes where: best fit by free memory, the largest guests first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Place:
    """A destination and the memory that it has left, bytes."""

    uri: str
    free: int

    def give_back(self, memory: int) -> None:
        """The guest did not come."""
        self.free += memory


def in_order(guests: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Guests (uuid, memory), the largest first: a small one finds a place later, a large one may not."""
    return sorted(guests, key=lambda guest: (-guest[1], guest[0]))


def best_fit(memory: int, places: Iterable[Place]) -> Place | None:
    """The place with the least memory that has enough, which is taken from it; `None` where none has."""
    fitting = [place for place in places if place.free >= memory]
    if not fitting:
        return None
    best = min(fitting, key=lambda place: place.free)
    best.free -= memory
    return best
