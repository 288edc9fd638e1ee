"""`drain --strict`: nothing is moved unless all is known of every guest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ... import MigrationError
from ..checks.check import Check
from ..ends import Exit
from ..errors import UserError, explain
from ..planning import make_plan, stopped_by
from .move import Result
from .placing import Place, best_fit, in_order

if TYPE_CHECKING:
    from ..request import Request
    from .residents import Resident


def unless_known(
    request: Request, residents: Iterable[Resident], places: Iterable[Place]
) -> dict[str, Result]:
    """Why each guest, by uuid, is not moved; empty where all is known of all.

    Each is asked about at the destination that it would go to if all of them went at once. One that finds no
    place, or that fails a check, stops only itself, when its turn has come.
    """
    by_uuid = {resident.uuid: resident for resident in residents}
    room = [Place(place.uri, place.free) for place in places]
    unknown: dict[str, list[Check]] = {}
    for uuid, memory in in_order((resident.uuid, resident.memory) for resident in by_uuid.values()):
        place = best_fit(memory, room)
        found = [] if place is None else _not_known(request, by_uuid[uuid], place.uri)
        if found:
            unknown[uuid] = found
    if not unknown:
        return {}
    others = Result(Exit.CHECK, "was not started: not all is known of other guests")
    return {uuid: _result(unknown[uuid]) if uuid in unknown else others for uuid in by_uuid}


def _not_known(request: Request, resident: Resident, destination: str) -> list[Check]:
    try:
        return make_plan(request, resident.uuid, resident.host, destination, to_move=False).unknown
    except (UserError, MigrationError) as error:
        return [Check("guest", "not known", explain(error))]


def _result(unknown: list[Check]) -> Result:
    return Result(Exit.CHECK, f"was not started: {stopped_by(unknown)}", {"not_known": len(unknown)})
