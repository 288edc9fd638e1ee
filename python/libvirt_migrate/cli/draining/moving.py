"""One guest of several that are moved at a time, on a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ... import LibvirtError, MigrationCancelled, MigrationFailed
from ..ends import Exit
from ..errors import UserError, one_line
from ..hosts import own_guest
from ..planning import make_plan
from ..terminal.values import show_size, show_time

if TYPE_CHECKING:
    from ... import Decision, Migration
    from ..request import Request


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
        self, request: Request, guest: str, source: str, destination: str, *, force: bool, strict: bool
    ) -> None:
        self._request, self._guest = request, guest
        self._force, self._strict = force, strict
        self._source, self._destination = source, destination
        self._lock = threading.Lock()
        self._migration: Migration | None = None
        self._held = False
        self._told = 0

    def run(self) -> Result:
        """The whole move."""
        plan = make_plan(self._request, self._guest, self._source, self._destination)
        counts = {"failed": len(plan.failed), "not_known": len(plan.unknown)}
        stops = plan.stops(force=self._force, strict=self._strict)
        if stops:
            what = "a check failed" if stops[0].result == "fail" else "a check could not be made"
            return Result(Exit.CHECK, f"{what}: {stops[0].name}: {stops[0].reason}", counts)
        guest = own_guest(plan.pair.guest, self._source)
        with self._lock:
            if self._held:
                raise UserError("was not started", code=Exit.CANCELLED)
            self._migration = guest.start_migration(plan.params, convergence=self._request.convergence)
        try:
            outcome = self._migration.result()
        except (MigrationFailed, MigrationCancelled) as error:
            return _ended(error, counts)
        pause = "unknown" if outcome.downtime is None else show_time(outcome.downtime)
        text = f"moved in {show_time(outcome.total_time)}, pause {pause}, {show_size(outcome.bytes)}"
        left = "".join(f"; did not come along: {what}" for what in outcome.left_behind)
        if plan.unknown:
            text += f"; {len(plan.unknown)} of the checks could not be made"
        return Result(Exit.DONE, text + left, {**counts, **outcome.to_dict()})

    def news(self) -> list[Decision]:
        """What was decided and done since this was asked for last."""
        decisions = () if self._migration is None else self._migration.decisions
        new = [*decisions[self._told :]]
        self._told += len(new)
        return new

    @property
    def started(self) -> bool:
        """Whether libvirt was asked to move the guest."""
        return self._migration is not None

    def hold(self) -> None:
        """Keeps it from being started, if it was not yet."""
        with self._lock:
            self._held = True

    def abort(self) -> None:
        """Aborts it, or keeps it from being started."""
        self.hold()
        with self._lock:
            if self._migration is not None:
                # In post-copy it can only go on.
                with contextlib.suppress(LibvirtError):
                    self._migration.abort()


def _ended(error: MigrationFailed | MigrationCancelled, counts: dict[str, Any]) -> Result:
    code = Exit.CANCELLED if isinstance(error, MigrationCancelled) else Exit.FAILED
    if not str(error.guest_location).startswith("source-"):
        code = Exit.STRANDED
    outcome: Any = getattr(error, "outcome", None)
    fields = {} if outcome is None else outcome.to_dict()
    return Result(code, one_line(str(error)), {**counts, **fields})
