"""Who looks on at every migration of this process: metrics, spans, or an observer of one's own.

>>> from libvirt_migrate.observing import metrics, spans
>>> metrics.instrument()  # doctest: +SKIP
>>> spans.instrument()  # doctest: +SKIP

Neither Prometheus' nor OpenTelemetry's library is imported unless it is asked for so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from . import makers

if TYPE_CHECKING:
    from .._core import Decision, Outcome, Progress

__all__ = ["Observer", "add", "remove"]


class Observer(Protocol):
    """What is told of one migration, on a thread of this package's own. An exception is logged."""

    def started(self, guest: str) -> object:
        """It begins; `guest` is the guest's name."""

    def progress(self, progress: Progress) -> object:
        """A sample of its statistics."""

    def decision(self, decision: Decision) -> object:
        """Something was done about it, or was refused."""

    def switchover(self, elapsed: float) -> object:
        """The guest has stopped at the source and starts at the destination; seconds from the start."""

    def ended(self, end: Outcome | BaseException) -> object:
        """It is over: its outcome, or what `Migration.result` raises."""


def add(make: Callable[[], Observer]) -> None:
    """Has `make` called for every migration that begins from now on, on the thread that starts it."""
    if make not in makers.MAKERS:
        makers.MAKERS.append(make)


def remove(make: Callable[[], Observer]) -> None:
    """Takes back what `add` did; migrations that run are observed to their end."""
    if make in makers.MAKERS:
        makers.MAKERS.remove(make)
