"""What a soak does, drawn from a seed: rounds of migrations with what goes wrong meanwhile. Pure.

A round is drawn from the seed and its number alone: one that failed can be run again without those before.
"""

from __future__ import annotations

import random
import re
from dataclasses import asdict, dataclass
from typing import Any

from .kinds import KINDS

#: Goes up whenever a seed would draw something else than before.
VERSION = 4
WAYS = (
    *("plain", "parallel", "post-copy", "exclusive", "paused", "force", "abort", "adopt", "tls"),
    "command",
)
#: All guests of the source leave it, by the command.
DRAIN = "drain"
#: What breaks, and on which sides it can: of the source, of the destination, or between the two.
FAULTS: dict[str, tuple[str, ...]] = {
    "daemon killed": ("source", "destination"),
    "daemon stopped": ("source", "destination"),
    "QEMU killed": ("source", "destination"),
    "daemons' connection reset": ("source",),
    "daemons' connection dropped": ("source",),
    "callers' connection reset": ("source", "destination"),
    "data connection reset": ("source",),
    "data connection dropped": ("source",),
    "link slow": ("source",),
    "configuration full": ("destination",),
    "memory short": ("destination",),
    "ports taken": ("destination",),
}
#: Where a disk is copied.
OF_DISKS = {"disk full": ("destination",)}
#: Of the process that has asked for it, where that is one of its own.
OF_COMMANDS = {"caller killed": ("caller",), "caller's clock stepped": ("caller",)}


class OtherVersion(ValueError):
    """A seed of a version that draws other histories."""


@dataclass(frozen=True)
class Seed:
    """A seed with the version that it was drawn by; written as VERSION-NUMBER."""

    number: int

    def __str__(self) -> str:
        return f"{VERSION}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Seed:
        """A seed as it was told, or a number alone, which is of this version."""
        found = re.fullmatch(r"(?:(\d+)-)?(\d+)", text)
        if found is None:
            raise ValueError(f"SEED={text} is no seed: a number, or VERSION-NUMBER as a soak tells it")
        version = int(found[1] or VERSION)
        if version != VERSION:
            raise OtherVersion(
                f"SEED={text} is of version {version} of the soak, and this is version {VERSION}: it would "
                "draw another history. Run it with the sources that it came from"
            )
        return cls(int(found[2]))

    @property
    def hosts(self) -> int:
        """How many hosts it has."""
        return random.Random(f"hosts {VERSION} {self.number}").randint(2, 4)  # noqa: S311 - to be drawn again


@dataclass(frozen=True)
class Move:
    """One guest's migration in a round."""

    guest: int
    way: str


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a round; times are seconds, the first from the round's start."""

    what: str
    side: str
    at: float
    lasts: float


@dataclass(frozen=True)
class Round:
    """Migrations that begin together, and what goes wrong meanwhile on the way of the first."""

    number: int
    moves: tuple[Move, ...]
    faults: tuple[Fault, ...]
    #: Which of the hosts after a guest's own, in their order, is its destination.
    hop: int

    @property
    def drains(self) -> bool:
        """Whether all guests of the source leave it, by one command."""
        return self.moves[0].way == DRAIN

    def to_dict(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


def drawn(seed: Seed, number: int) -> Round:
    """The round of this number."""
    rng = random.Random(f"soak {VERSION} {seed.number} {number}")  # noqa: S311 - to be drawn again
    guests = range(len(KINDS))
    if rng.random() < 0.08:
        first = rng.choice(guests)
        moves = tuple(Move(guest, DRAIN) for guest in sorted(guests, key=lambda guest: guest != first))
    else:
        chosen = rng.sample(guests, rng.randint(1, len(guests)))
        moves = tuple(Move(guest, rng.choice(WAYS)) for guest in chosen)
    possible = FAULTS
    if any(move.way in (DRAIN, "command") for move in moves):
        possible = possible | OF_COMMANDS
    if any(KINDS[move.guest].disk for move in moves):
        possible = possible | OF_DISKS
    count = rng.choices((0, 1, 2), (1, 4, 5))[0]
    faults = tuple(_fault(rng, possible) for _ in range(count))
    return Round(number, moves, faults, rng.randint(1, seed.hosts - 1))


def _fault(rng: random.Random, possible: dict[str, tuple[str, ...]]) -> Fault:
    what = rng.choice(tuple(possible))
    side = rng.choice(possible[what])
    # Most of it happens in the first seconds of a migration.
    at = round(rng.choice((rng.uniform(0, 0.5), rng.uniform(0, 2), rng.uniform(0, 6))), 3)
    return Fault(what, side, at, round(rng.choice((0.3, 1.0, 3.0, 8.0)), 3))
