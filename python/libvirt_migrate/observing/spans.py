"""OpenTelemetry spans of every migration of this process: `instrument()`.

Needs opentelemetry-api: pip install 'libvirt-migrate[opentelemetry]'. Where the spans go is the program's to
say, as always with OpenTelemetry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import get_current
from opentelemetry.trace import (
    Span,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    get_tracer,
    set_span_in_context,
)

from . import add

if TYPE_CHECKING:
    from .._core import Decision, Outcome, Progress

PREFIX = "libvirt_migrate."


class _Observer:
    """One migration: a span within the one that it was started in, and one within it for each phase."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer, self._parent = tracer, get_current()
        self._span: Span | None = None
        self._phase: tuple[str, Span] | None = None

    def started(self, guest: str) -> None:
        self._span = self._tracer.start_span(
            "live migration", context=self._parent, attributes={f"{PREFIX}guest": guest}
        )
        self._enter("setup")

    def progress(self, progress: Progress) -> None:
        self._enter(progress.phase)

    def decision(self, decision: Decision) -> None:
        if self._span is not None:
            fields = {"at": decision.at, "description": decision.description, "reason": decision.reason}
            fields |= {"max_downtime": decision.max_downtime, "error": decision.error}
            self._span.add_event(decision.action, {k: v for k, v in fields.items() if v is not None})

    def switchover(self, elapsed: float) -> None:
        if self._span is not None:
            self._span.add_event("switchover", {"at": elapsed})

    def ended(self, end: Outcome | BaseException) -> None:
        self._leave()
        if self._span is None:
            return
        failed = isinstance(end, BaseException)
        outcome: Outcome | None = getattr(end, "outcome", None) if failed else end  # type: ignore[assignment]
        if outcome is not None:
            self._span.set_attributes(_attributes(outcome))
        if isinstance(end, BaseException):
            place = getattr(end, "guest_location", None)
            if place is not None:
                self._span.set_attribute(f"{PREFIX}guest_location", place)
            self._span.record_exception(end)
            self._span.set_status(Status(StatusCode.ERROR, str(end)))
        self._span.end()

    def _enter(self, phase: str) -> None:
        if self._span is None or (self._phase is not None and self._phase[0] == phase):
            return
        self._leave()
        within = set_span_in_context(self._span, self._parent)
        self._phase = phase, self._tracer.start_span(phase, context=within)

    def _leave(self) -> None:
        if self._phase is not None:
            self._phase[1].end()
            self._phase = None


def _attributes(outcome: Outcome) -> dict[str, str | int | float]:
    """The outcome's figures: seconds and bytes. What is not known is left out."""
    fields = {
        "guest_location": outcome.guest_location,
        "total_time": outcome.total_time,
        "downtime": outcome.downtime,
        "iterations": outcome.iterations,
        "bytes": outcome.bytes,
    }
    return {f"{PREFIX}{name}": value for name, value in fields.items() if value is not None}


_instrumented: list[TracerProvider | None] = []


def instrument(provider: TracerProvider | None = None) -> None:
    """Makes a span of every migration of this process from now on, by default of the global provider."""
    if provider in _instrumented:
        return
    _instrumented.append(provider)
    tracer = get_tracer("libvirt_migrate", tracer_provider=provider)
    add(lambda: _Observer(tracer))
