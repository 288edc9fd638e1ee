"""One guest of several that are moved at a time, on a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ... import LibvirtError, MigrationCancelled, MigrationFailed
from ..ends import Exit
from ..errors import UserError, one_line
from ..follow import reason
from ..hosts import own_guest
from ..planning import Plan, make_plan, stopped_by
from ..terminal.values import show_size, show_time

if TYPE_CHECKING:
    from ... import Decision, Migration, Outcome
    from ..report.recorder import Recorder
    from ..request import Request
    from .residents import Resident


@dataclass(frozen=True)
class Result:
    """What became of a guest."""

    code: int
    text: str
    #: The outcome, for JSON.
    fields: dict[str, Any] = field(default_factory=dict)


class Move:
    """Checks and moves one guest."""

    def __init__(
        self,
        request: Request,
        resident: Resident,
        destination: str,
        *,
        force: bool,
        strict: bool,
        recorder: Recorder | None = None,
    ) -> None:
        self.resident, self.destination, self.recorder = resident, destination, recorder
        self._request, self._force, self._strict = request, force, strict
        self._lock = threading.Lock()
        self._held = False
        self._told = 0
        #: What both hosts said, once they were asked, and the migration, once it was started.
        self.plan: Plan | None = None
        self.migration: Migration | None = None

    def run(self) -> Result:
        """The whole move."""
        plan = make_plan(self._request, self.resident.uuid, self.resident.host, self.destination)
        self.plan = plan
        counts = {"failed": len(plan.failed), "not_known": len(plan.unknown)}
        stops = plan.stops(force=self._force, strict=self._strict)
        if stops:
            return Result(Exit.CHECK, f"was not moved: {stopped_by(stops)}", counts)
        guest = own_guest(plan.pair.guest, self.resident.host)
        with self._lock:
            if self._held:
                raise UserError("was not started", code=Exit.CANCELLED)
            callbacks = self.recorder.callbacks if self.recorder else {}
            self.migration = guest.start_migration(
                plan.params, convergence=self._request.convergence, **callbacks
            )
        try:
            outcome = self.migration.result()
        except (MigrationFailed, MigrationCancelled) as error:
            return _ended(error, counts)
        return Result(Exit.DONE, _moved(outcome, plan), {**counts, **outcome.to_dict()})

    def news(self) -> list[Decision]:
        """What was decided and done since this was asked for last."""
        decisions = () if self.migration is None else self.migration.decisions
        new = [*decisions[self._told :]]
        self._told += len(new)
        return new

    def hold(self) -> None:
        """Keeps it from being started, if it was not yet."""
        with self._lock:
            self._held = True

    def abort(self) -> None:
        """Aborts it, or keeps it from being started."""
        self.hold()
        with self._lock:
            if self.migration is not None:
                # In post-copy it can only go on.
                with contextlib.suppress(LibvirtError):
                    self.migration.abort()


def _moved(outcome: Outcome, plan: Plan) -> str:
    pause = "unknown" if outcome.downtime is None else show_time(outcome.downtime)
    text = f"moved in {show_time(outcome.total_time)}, pause {pause}, {show_size(outcome.bytes)}"
    if plan.unknown:
        text += f"; {len(plan.unknown)} of the checks could not be made"
    return text + "".join(f"; did not come along: {what}" for what in outcome.left_behind)


def _ended(error: MigrationFailed | MigrationCancelled, counts: dict[str, Any]) -> Result:
    cancelled = isinstance(error, MigrationCancelled)
    code = Exit.CANCELLED if cancelled else Exit.FAILED
    if not str(error.guest_location).startswith("source-"):
        code = Exit.STRANDED
    outcome: Any = getattr(error, "outcome", None)
    fields = {} if outcome is None else outcome.to_dict()
    message = one_line(str(error))
    return Result(code, reason(message, outcome) if cancelled else message, {**counts, **fields})
