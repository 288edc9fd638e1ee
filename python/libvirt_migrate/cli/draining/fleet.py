"""Guests that are moved, as many at a time as jobs, each on a thread and over connections of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ... import MigrationError
from ..ends import Exit
from ..errors import UserError, explain
from ..hosts import show_route, show_uri
from ..terminal.output import leave
from ..terminal.signals import Signals
from ..terminal.values import show_size
from .board import Board
from .move import Move, Result
from .outlook import reserve
from .placing import Place, best_fit, in_order
from .residents import Resident
from .teller import Teller

if TYPE_CHECKING:
    from ..report.recorder import Recorder
    from ..request import Request
    from ..terminal.output import Output

#: How often interrupts are looked for, s.
_TICK = 0.2


@dataclass(frozen=True)
class Orders:
    """How they are moved."""

    request: Request
    #: At a time.
    jobs: int
    force: bool
    strict: bool
    #: The command that shows those which are left running.
    watch: str
    #: Makes what records a guest's migration by its name and route, where there will be a report.
    recorder: Callable[[str, str], Recorder] | None = None
    #: Called for each one that has moved, with its destination.
    arrived: Callable[[Resident, str], None] = lambda resident, destination: None
    #: Uuids in the order in which they leave; by default the largest first.
    order: list[str] | None = None


class Fleet:
    """Moves all of them that find a place."""

    def __init__(self, orders: Orders, residents: list[Resident], places: list[Place], out: Output) -> None:
        self._orders, self._places, self._out = orders, places, out
        by_uuid = {resident.uuid: resident for resident in residents}
        sizes = ((resident.uuid, resident.memory) for resident in residents)
        order = [uuid for uuid, _ in in_order(sizes)] if orders.order is None else orders.order
        self._waiting = [by_uuid[uuid] for uuid in order]
        # In another order than by their size the large ones need theirs kept.
        self._reserved = {} if orders.order is None else reserve(residents, places)
        self._running: dict[Future[Result], tuple[Move, Place]] = {}
        self._teller = Teller(out, Board(out, residents))
        self._held = self._aborted = False
        #: What became of each, by uuid, and the moves that came to a migration.
        self.results: dict[str, Result] = {}
        self.moved: list[Move] = []

    def run(self) -> None:
        """Moves them; what became of each is in `results`."""
        with Signals() as signals, ThreadPoolExecutor(self._orders.jobs) as pool, self._teller:
            while self._waiting or self._running:
                self._start_more(pool)
                done, _ = wait(self._running, timeout=_TICK, return_when=FIRST_COMPLETED)
                self._teller.look([move for move, _ in self._running.values()], self._waiting)
                for future in done:
                    self._end(future)
                self._heed(signals)

    def refuse(self, refused: dict[str, Result]) -> None:
        """Moves none of them, for these reasons."""
        for resident in [resident for resident in self._waiting if resident.uuid in refused]:
            self._tell(resident, None, refused[resident.uuid])

    def _start_more(self, pool: ThreadPoolExecutor) -> None:
        while self._waiting and len(self._running) < self._orders.jobs and not self._held:
            if not self._start(pool):
                break

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Starts the next guest. `False` where it waits for memory that a running move may give back."""
        resident = self._waiting[0]
        place = self._reserved.pop(resident.uuid, None) or best_fit(resident.memory, self._places)
        if place is None and self._running:
            return False
        self._waiting.pop(0)
        if place is None:
            reason = f"no destination has {show_size(resident.memory)} of memory free"
            self._tell(resident, None, Result(Exit.CHECK, reason))
            return True
        orders, recorder = self._orders, None
        if orders.recorder is not None:
            recorder = orders.recorder(resident.name, show_route(resident.host, place.uri))
        move = Move(
            orders.request,
            resident,
            place.uri,
            force=orders.force,
            strict=orders.strict,
            recorder=recorder,
        )
        self._running[pool.submit(move.run)] = (move, place)
        where = show_uri(place.uri)
        self._out.event("move", guest=resident.name, uuid=resident.uuid, destination=where)
        return True

    def _end(self, future: Future[Result]) -> None:
        move, place = self._running.pop(future)
        self._teller.last_look(move)
        result = _result_of(future)
        if move.migration is not None:
            self.moved.append(move)
        if result.code == Exit.DONE:
            self._orders.arrived(move.resident, place.uri)
        else:
            place.give_back(move.resident.memory)
        self._tell(move.resident, place, result)

    def _tell(self, resident: Resident, place: Place | None, result: Result) -> None:
        self.results[resident.uuid] = result
        self._teller.end(resident, None if place is None else show_uri(place.uri), result)

    def _heed(self, signals: Signals) -> None:
        """Does what a person's keys ask for."""
        if signals.terminated or signals.interrupts > 1:
            self._leave(Exit.TERMINATED if signals.terminated else Exit.LEFT)
        if signals.interrupts and not self._held:
            self._hold()
        if signals.aborts and not self._aborted:
            self._aborted = True
            for move, _ in self._running.values():
                move.abort()

    def _hold(self) -> None:
        """The first Ctrl-C: nothing new is started, and what runs is aborted unless there is another one."""
        self._held = True
        self._out.event("interrupt", message="aborting")
        self._out.warn("aborting; Ctrl-C again now leaves the migrations running")
        for resident in self._waiting:
            self._tell(resident, None, Result(Exit.CANCELLED, "was not started"))
        self._waiting.clear()
        for move, _ in self._running.values():
            move.hold()

    def _leave(self, code: int) -> None:
        names = [move.resident.name for move, _ in self._running.values() if move.migration is not None]
        how = "left while libvirt aborts them" if self._aborted else "left running, with nobody to steer them"
        self._teller.__exit__(None, None, None)
        self._out.event("left", guests=names, code=code, watch=self._orders.watch)
        self._out.warn(f"{how}: {', '.join(names) or 'nothing'}; see {self._orders.watch}")
        leave(code)


def _result_of(future: Future[Result]) -> Result:
    """What became of it, where it ended with a fault as well."""
    error = future.exception()
    if error is None:
        return future.result()
    code = error.code if isinstance(error, UserError) else Exit.FAILED
    known = isinstance(error, (MigrationError, UserError))
    return Result(code, explain(error) if known else f"a fault: {type(error).__name__}: {error}")
