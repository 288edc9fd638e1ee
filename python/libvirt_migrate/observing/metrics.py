"""Prometheus metrics of every migration of this process: `instrument()`.

Needs prometheus_client: pip install 'libvirt-migrate[prometheus]'.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, write_to_textfile

from . import Observer, add

if TYPE_CHECKING:
    from .._core import Decision, Outcome, Progress

#: Upper bounds. Seconds of whole migrations, seconds of pauses, and bytes.
DURATIONS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600)
PAUSES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
SIZES = tuple(float(1 << shift) for shift in range(24, 44, 2))
#: How a migration ends.
COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"


class Metrics:
    """The metrics, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "libvirt_migrate_"
        self.running = Gauge(f"{name}running", "Migrations that run.", registry=registry)
        self.ended = Counter(f"{name}migrations", "Migrations that ended.", ["result"], registry=registry)
        self.decisions = Counter(
            f"{name}decisions", "What was done about migrations.", ["action"], registry=registry
        )
        self.duration = Histogram(
            f"{name}duration_seconds",
            "How long migrations took.",
            ["result"],
            buckets=DURATIONS,
            registry=registry,
        )
        self.pause = Histogram(
            f"{name}pause_seconds", "How long guests stood still.", buckets=PAUSES, registry=registry
        )
        self.bytes = Histogram(
            f"{name}transferred_bytes", "What migrations sent.", buckets=SIZES, registry=registry
        )
        for result in (COMPLETED, FAILED, CANCELLED):
            # A series that begins with its first failure has no rate.
            self.ended.labels(result)

    def observer(self) -> Observer:
        """What counts one migration: for `observing.add`."""
        return _Observer(self)

    def end(self, result: str, seconds: float | None, pause: float | None, sent: int | None) -> None:
        """Notes an end: seconds, seconds and bytes; what is not known is left out."""
        self.ended.labels(result).inc()
        if seconds is not None:
            self.duration.labels(result).observe(seconds)
        if pause is not None:
            self.pause.observe(pause)
        if sent is not None:
            self.bytes.observe(sent)


class _Observer:
    """One migration."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._counted = False

    def started(self, guest: str) -> None:
        self._counted = True
        self._metrics.running.inc()

    def progress(self, progress: Progress) -> None:
        """Nothing is kept of it."""

    def decision(self, decision: Decision) -> None:
        self._metrics.decisions.labels(decision.action).inc()

    def switchover(self, elapsed: float) -> None:
        """Nothing is kept of it."""

    def ended(self, end: Outcome | BaseException) -> None:
        from ..errors import MigrationCancelled

        if self._counted:
            self._metrics.running.dec()
        result = COMPLETED
        outcome: Outcome | None
        if isinstance(end, BaseException):
            result = CANCELLED if isinstance(end, MigrationCancelled) else FAILED
            outcome = getattr(end, "outcome", None)
        else:
            outcome = end
        if outcome is None:
            self._metrics.end(result, None, None, None)
        else:
            self._metrics.end(result, outcome.total_time, outcome.downtime, outcome.bytes)


_made: dict[CollectorRegistry, Metrics] = {}


def instrument(registry: CollectorRegistry = REGISTRY) -> Metrics:
    """Counts every migration of this process from now on; once a registry."""
    if registry not in _made:
        metrics = _made[registry] = Metrics(registry)
        add(metrics.observer)
    return _made[registry]


def write(path: str | os.PathLike[str], registry: CollectorRegistry = REGISTRY) -> None:
    """Writes a registry for node_exporter's textfile collector: whole or not at all. Raises OSError."""
    write_to_textfile(os.fspath(path), registry)
