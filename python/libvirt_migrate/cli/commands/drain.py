"""`drain`: every guest that runs on a host goes elsewhere."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ... import MigrationError
from ..definition.summary import host_uuid, read_definition
from ..draining.moving import Move, Result
from ..draining.placing import Place, best_fit, in_order
from ..draining.strictness import unless_known
from ..ends import Exit
from ..errors import UserError, explain
from ..hosts import from_option, open_host, show_uri
from ..options import Drain as Options
from ..request import Request, request_from
from ..terminal.output import Output, leave
from ..terminal.signals import Signals
from ..terminal.values import show_size, show_time
from ..terminal.waiting import interruptible

#: How often interrupts are looked for, s.
_TICK = 0.2


@dataclass(frozen=True)
class _Guest:
    name: str
    uuid: str
    memory: int


def drain(options: Options, out: Output) -> int:
    """The command."""
    request = request_from(options, *options.to)
    guests, places = interruptible(lambda: _survey(options))
    out.event("drain", host=show_uri(options.host), guests=[guest.name for guest in guests.values()])
    start = time.monotonic()
    draining = _Drain(options, request, out, guests, places)
    refused = _unless_known(options, request, guests, places)
    results = draining.refuse(refused) if refused else draining.run()
    left = {name: result for name, result in results.items() if result.code != Exit.DONE}
    moved = len(results) - len(left)
    code = Exit.CHECK if refused else _code(left)
    reasons = {name: result.text for name, result in left.items()}
    out.event("drained", code=code, moved=moved, left=reasons, elapsed=round(time.monotonic() - start, 3))
    out.say(f"{moved} of {len(results)} guests moved in {show_time(time.monotonic() - start)}")
    for name, reason in reasons.items():
        out.say(f"  left: {name}: {reason}")
    return code


def _unless_known(
    options: Options, request: Request, guests: dict[str, _Guest], places: list[Place]
) -> dict[str, Result]:
    """With --strict: why none is moved, by uuid."""
    if not options.strict:
        return {}
    sizes = [(guest.uuid, guest.memory) for guest in guests.values()]
    return interruptible(lambda: unless_known(request, options.host, sizes, places))


def _code(left: dict[str, Result]) -> int:
    codes = {result.code for result in left.values()}
    if Exit.STRANDED in codes:
        return Exit.STRANDED
    if codes == {Exit.CANCELLED}:
        return Exit.CANCELLED
    return Exit.FAILED if codes else Exit.DONE


def _survey(options: Options) -> tuple[dict[str, _Guest], list[Place]]:
    """The guests by uuid, and the destinations with their free memory."""
    source = open_host(options.host, role="the host")
    own = host_uuid(source.capabilities())
    places = []
    for uri in dict.fromkeys(options.to):
        host = open_host(uri, role="the destination")
        if host_uuid(host.capabilities()) == own:
            raise UserError(f"the destination {show_uri(uri)} is the host to drain: give another one")
        places.append(Place(uri, host.free_memory))
    guests = {}
    for guest in source.guests(active=True):
        guests[guest.uuid] = _Guest(guest.name, guest.uuid, read_definition(guest.xml()).memory)
    return guests, places


class _Drain:
    """As many moves at a time as jobs, each on a thread and over connections of its own."""

    def __init__(
        self, options: Options, request: Request, out: Output, guests: dict[str, _Guest], places: list[Place]
    ) -> None:
        self._options, self._request, self._out = options, request, out
        self._places, self._guests = places, guests
        self._waiting = [guests[uuid] for uuid, _ in in_order((g.uuid, g.memory) for g in guests.values())]
        self._running: dict[Future[Result], tuple[_Guest, Place, Move]] = {}
        self._results: dict[str, Result] = {}
        self._aborted = False

    def run(self) -> dict[str, Result]:
        """Moves all of them; returns what became of each."""
        held = False
        with Signals() as signals, ThreadPoolExecutor(self._options.jobs) as pool:
            while self._waiting or self._running:
                while self._waiting and len(self._running) < self._options.jobs and not held:
                    if not self._start(pool):
                        break
                done, _ = wait(self._running, timeout=_TICK, return_when=FIRST_COMPLETED)
                for guest, _, move in self._running.values():
                    self._tell_news(guest, move)
                for future in done:
                    self._end(future)
                if signals.terminated or signals.interrupts > 1:
                    self._leave(Exit.TERMINATED if signals.terminated else Exit.LEFT)
                if signals.interrupts and not held:
                    held = True
                    self._hold()
                if signals.aborts and not self._aborted:
                    self._abort()
        return self._results

    def refuse(self, refused: dict[str, Result]) -> dict[str, Result]:
        """Moves none of them, for these reasons."""
        for uuid, result in refused.items():
            self._tell(self._guests[uuid], None, result)
        return self._results

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Starts the next guest. `False` where it waits for memory that a running move may give back."""
        guest = self._waiting[0]
        place = best_fit(guest.memory, self._places)
        if place is None and self._running:
            return False
        self._waiting.pop(0)
        if place is None:
            reason = f"no destination has {show_size(guest.memory)} of memory free"
            self._tell(guest, None, Result(Exit.CHECK, reason))
            return True
        move = Move(
            self._request,
            guest.uuid,
            self._options.host,
            place.uri,
            force=self._options.force,
            strict=self._options.strict,
        )
        self._running[pool.submit(move.run)] = (guest, place, move)
        self._out.note(f"{guest.name}: to {show_uri(place.uri)}")
        self._out.event("move", guest=guest.name, uuid=guest.uuid, destination=show_uri(place.uri))
        return True

    def _end(self, future: Future[Result]) -> None:
        guest, place, _ = self._running.pop(future)
        error = future.exception()
        if error is None:
            result = future.result()
        else:
            code = getattr(error, "code", Exit.FAILED) if isinstance(error, UserError) else Exit.FAILED
            known = isinstance(error, (MigrationError, UserError))
            result = Result(code, explain(error) if known else f"a fault: {type(error).__name__}: {error}")
        if result.code != Exit.DONE:
            place.give_back(guest.memory)
        self._tell(guest, place, result)

    def _tell_news(self, guest: _Guest, move: Move) -> None:
        """What was decided, for programs; what both hosts say of a silent migration, for everybody."""
        for decision in move.news():
            self._out.event("decision", guest=guest.name, **decision.to_dict())
            if decision.action == "look":
                self._out.warn(f"{guest.name}: {decision.reason}")

    def _tell(self, guest: _Guest, place: Place | None, result: Result) -> None:
        self._results[guest.name] = result
        where = None if place is None else show_uri(place.uri)
        self._out.event(
            "end",
            guest=guest.name,
            destination=where,
            code=result.code,
            result="moved" if result.code == Exit.DONE else "left",
            message=result.text,
            **result.fields,
        )
        self._out.say(f"{guest.name}: {f'to {where}: ' if where else ''}{result.text}")

    def _hold(self) -> None:
        """The first Ctrl-C: nothing new is started, and what runs is aborted unless there is another one."""
        self._out.event("interrupt", message="aborting")
        self._out.warn("aborting; Ctrl-C again now leaves the migrations running")
        for guest in self._waiting:
            self._tell(guest, None, Result(Exit.CANCELLED, "was not started"))
        self._waiting.clear()
        for _, _, move in self._running.values():
            move.hold()

    def _abort(self) -> None:
        self._aborted = True
        for _, _, move in self._running.values():
            move.abort()

    def _leave(self, code: int) -> None:
        names = [guest.name for guest, _, move in self._running.values() if move.started]
        how = "left while libvirt aborts them" if self._aborted else "left running, with nobody to steer them"
        status = f"libvirt-migrate status{from_option(self._options.host)}"
        self._out.event("left", guests=names, code=code, watch=status)
        self._out.warn(f"{how}: {', '.join(names) or 'nothing'}; see {status}")
        leave(code)
