"""`drain --strict`: nothing is moved unless all is known of every guest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ... import MigrationError
from ..checks.check import Check
from ..ends import Exit
from ..errors import UserError, explain
from ..planning import make_plan, stopped_by
from .moving import Result
from .placing import Place, best_fit, in_order

if TYPE_CHECKING:
    from ..request import Request


def unless_known(
    request: Request, host: str, guests: Iterable[tuple[str, int]], places: Iterable[Place]
) -> dict[str, Result]:
    """Why each guest, by uuid, is not moved; empty where all is known of all.

    Each is asked about at the destination that it would go to if all of them went at once. One that finds no
    place, or that fails a check, stops only itself, when its turn has come.
    """
    guests = in_order(guests)
    room = [Place(place.uri, place.free) for place in places]
    unknown: dict[str, list[Check]] = {}
    for uuid, memory in guests:
        place = best_fit(memory, room)
        found = [] if place is None else _not_known(request, uuid, host, place.uri)
        if found:
            unknown[uuid] = found
    if not unknown:
        return {}
    others = Result(Exit.CHECK, "was not started: not all is known of other guests")
    return {uuid: _result(unknown[uuid]) if uuid in unknown else others for uuid, _ in guests}


def _not_known(request: Request, uuid: str, host: str, destination: str) -> list[Check]:
    try:
        return make_plan(request, uuid, host, destination, to_move=False).unknown
    except (UserError, MigrationError) as error:
        return [Check("guest", "not known", explain(error))]


def _result(unknown: list[Check]) -> Result:
    return Result(Exit.CHECK, f"was not started: {stopped_by(unknown)}", {"not_known": len(unknown)})
