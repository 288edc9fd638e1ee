"""What is known of a migration that is over, for its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ... import Decision, Progress


@dataclass(frozen=True)
class Record:
    """A migration that is over."""

    name: str
    #: The hosts, as they are shown, and when it began.
    route: str
    began: str
    samples: list[Progress]
    decisions: list[Decision]
    #: When the guest stopped at the source, s since the start.
    switchover: float | None
    total_time: float
    downtime: float | None
    moved: int
    iterations: int
    #: destination-running and so on.
    location: str
    #: moved, failed or cancelled, and why.
    result: str
    message: str | None
    intent: str
    limits: list[tuple[float, float]] = field(default_factory=list)
