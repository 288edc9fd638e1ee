"""`--dry-run`: where each guest would go, and whether it can. Nothing is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import MigrationError
from ..ends import Exit
from ..errors import UserError, explain
from ..foresight import forecast_lines
from ..hosts import show_uri
from ..planning import make_plan, stopped_by, tell_plan
from ..terminal.values import show_size
from ..terminal.waiting import interruptible
from .placing import Place, best_fit, in_order

if TYPE_CHECKING:
    from ..request import Request
    from ..terminal.output import Output
    from .outlook import Outlook
    from .residents import Resident


def rehearse(
    request: Request,
    residents: list[Resident],
    places: list[Place],
    out: Output,
    ahead: Outlook | None = None,
    *,
    force: bool,
    strict: bool,
) -> int:
    """Says of each guest what would become of it if all went at once. Returns the exit code."""
    by_uuid = {resident.uuid: resident for resident in residents}
    left: dict[str, str] = {}
    for uuid, memory in in_order((resident.uuid, resident.memory) for resident in residents):
        resident, place = by_uuid[uuid], best_fit(memory, places)
        if place is None:
            reason = f"no destination has {show_size(memory)} of memory free beside the others"
            left[resident.name] = reason
            out.say(f"{resident.name}: {reason}")
            continue
        word, stopped = _plan(request, resident, place.uri, out, force=force, strict=strict)
        if stopped:
            left[resident.name] = word
            # The others may have the place that it leaves.
            place.give_back(memory)
        out.say(f"{resident.name}: to {show_uri(place.uri)}, {show_size(memory)}: {word}")
        if ahead is not None and uuid in ahead.forecasts:
            for line in forecast_lines(ahead.forecasts[uuid]):
                out.say(f"  {line}")
    code = Exit.CHECK if left else Exit.DONE
    ready = len(residents) - len(left)
    out.event("rehearsed", code=code, ready=ready, left=left)
    out.say(f"{ready} of {len(residents)} guests would be moved")
    if ahead is not None:
        out.say(ahead.words({resident.uuid: resident.name for resident in residents}))
    return code


def _plan(
    request: Request, resident: Resident, destination: str, out: Output, *, force: bool, strict: bool
) -> tuple[str, bool]:
    """What the checks come to, and whether they stop it."""
    out.note(f"{resident.name}: asking both hosts")
    where = show_uri(destination)
    out.event("move", guest=resident.name, uuid=resident.uuid, destination=where)
    try:
        plan = interruptible(
            lambda: make_plan(request, resident.uuid, resident.host, destination, to_move=False)
        )
    except (UserError, MigrationError) as error:
        return explain(error), True
    tell_plan(plan, out)
    stops = plan.stops(force=force, strict=strict)
    return (stopped_by(stops) if stops else plan.word), bool(stops)
