"""`drain --forecast`: how each guest will go, in which order they leave, and how long all of it takes."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ... import GuestForecast, LibvirtError
from ..errors import UserError, explain
from ..foresight import foresee, tell_forecast
from ..hosts import find_guest, open_host
from ..terminal.values import show_time
from .placing import best_fit, in_order

if TYPE_CHECKING:
    from ..request import Request
    from ..terminal.output import Output
    from .placing import Place
    from .residents import Resident

#: Guests that are measured at a time: each keeps its host busy for some milliseconds, and sleeps.
_AT_A_TIME = 8
#: The least, what is expected, and the most, s.
Figures = tuple[float, float, float]


@dataclass(frozen=True)
class Outlook:
    """What is foreseen of all of them."""

    #: By uuid; a guest of which nothing can be foreseen has none.
    forecasts: dict[str, GuestForecast]
    #: Uuids, as they leave.
    order: list[str]
    #: How long all of it takes, s; `None` where one of them does not come to its end.
    time: Figures | None
    #: Those that do not, by uuid.
    endless: list[str]

    def words(self, names: dict[str, str]) -> str:
        """What of it concerns all."""
        order = ", ".join(names[uuid] for uuid in self.order)
        if self.time is None:
            stuck = ", ".join(names[uuid] for uuid in self.endless)
            return f"order: {order}; not known how long: {stuck or 'nothing'} may not come to an end"
        least, expected, most = (show_time(figure) for figure in self.time)
        return f"order: {order}; about {expected} in all ({least} to {most})"


def look_ahead(
    request: Request,
    residents: list[Resident],
    places: list[Place],
    out: Output,
    *,
    link: float | None,
    jobs: int,
) -> Outlook:
    """Has all of them measured, and tells of each. Those that go at a time share the link."""
    beside = max(1, min(jobs, len(residents)))

    def one(resident: Resident) -> GuestForecast | str:
        try:
            source = open_host(resident.host, role="the host")
            guest = find_guest(source, resident.host, resident.uuid)
            return foresee(guest, places[0].uri, request, link, beside=beside)
        except (LibvirtError, UserError) as error:
            return explain(error)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        told = dict(zip((resident.uuid for resident in residents), pool.map(one, residents), strict=True))
    forecasts = {}
    for resident in residents:
        found = told[resident.uuid]
        if isinstance(found, str):
            out.warn(f"{resident.name}: no forecast: {found}")
        else:
            forecasts[resident.uuid] = found
            tell_forecast(out, resident.name, found)
    outlook = weigh(forecasts, residents, jobs=beside, deadline=request.convergence.deadline)
    names = {resident.uuid: resident.name for resident in residents}
    out.event("outlook", order=[names[uuid] for uuid in outlook.order], elapsed=outlook.time)
    return outlook


def weigh(
    forecasts: dict[str, GuestForecast], residents: list[Resident], *, jobs: int, deadline: float | None
) -> Outlook:
    """The order, and the time of all.

    The shortest first: that is the order in which guests wait least, summed up over all of them. One that
    does not come to its end goes last, since it may be on its way until somebody ends it; one of which
    nothing is known goes before it.
    """
    times = {uuid: _time_of(told, deadline) for uuid, told in forecasts.items()}
    endless = [uuid for uuid, told in forecasts.items() if not told.forecast.ends]

    def last(resident: Resident) -> tuple[bool, bool, float, int, str]:
        time = times.get(resident.uuid)
        return (
            resident.uuid in endless,
            resident.uuid not in forecasts,
            time[1] if time else 0.0,
            resident.memory,
            resident.uuid,
        )

    order = [resident.uuid for resident in sorted(residents, key=last)]
    known = [times.get(uuid) for uuid in order]
    if any(time is None for time in known):
        return Outlook(forecasts, order, None, endless)
    least, expected, most = (_all_of([time[part] for time in known if time], jobs) for part in range(3))
    return Outlook(forecasts, order, (least, expected, most), endless)


def _time_of(told: GuestForecast, deadline: float | None) -> Figures | None:
    """A deadline ends what does not end by itself."""
    if told.forecast.time is not None:
        return told.forecast.time
    return None if deadline is None else (deadline, deadline, deadline)


def _all_of(times: list[float], jobs: int) -> float:
    """How long they take in this order, so many at a time."""
    free = [0.0] * max(1, jobs)
    for time in times:
        heapq.heappush(free, heapq.heappop(free) + time)
    return max(free)


def reserve(residents: list[Resident], places: list[Place]) -> dict[str, Place]:
    """A place for each that finds one, the largest first, so that the order is nobody's disadvantage."""
    found: dict[str, Place] = {}
    for uuid, memory in in_order((resident.uuid, resident.memory) for resident in residents):
        place = best_fit(memory, places)
        if place is not None:
            found[uuid] = place
    return found
