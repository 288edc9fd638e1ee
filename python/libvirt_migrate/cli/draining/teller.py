"""What is told of guests that are moved: for programs all of it, for people what they can follow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..ends import Exit
from ..follow import JSON_PERIOD, ends_it
from ..planning import tell_plan
from .board import Board
from .move import Move, Result

if TYPE_CHECKING:
    from types import TracebackType

    from ..terminal.output import Output
    from .residents import Resident


class Teller:
    """Tells what is new since the last look."""

    def __init__(self, out: Output, board: Board) -> None:
        self._out, self._board = out, board
        self._planned: set[str] = set()
        self._started: set[str] = set()
        self._spoken = 0.0

    def __enter__(self) -> Teller:
        self._board.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.__exit__(kind, error, trace)

    def look(self, running: list[Move], waiting: list[Resident]) -> None:
        """Tells what is new of those that run, and draws the board."""
        for move in running:
            self._news(move)
        if time.monotonic() - self._spoken >= JSON_PERIOD:
            self._spoken = time.monotonic()
            for move in running:
                if move.migration is not None:
                    progress = move.migration.progress.to_dict()
                    self._out.event("progress", guest=move.resident.name, **progress)
        self._board.draw(running, waiting)

    def last_look(self, move: Move) -> None:
        """Tells what came at the end."""
        self._news(move)

    def end(self, resident: Resident, where: str | None, result: Result) -> None:
        """What became of one."""
        done = result.code == Exit.DONE
        self._out.event(
            "end",
            guest=resident.name,
            destination=where,
            code=result.code,
            result="moved" if done else "left",
            message=result.text,
            **result.fields,
        )
        self._board.over(resident, f"{resident.name}: {f'to {where}: ' if where else ''}{result.text}", done)

    def _news(self, move: Move) -> None:
        name = move.resident.name
        if move.plan is not None and name not in self._planned:
            self._planned.add(name)
            tell_plan(move.plan, self._out)
        if move.plan is not None and move.migration is not None and name not in self._started:
            self._started.add(name)
            flags = int(move.plan.params.flags)
            self._out.event("start", guest=name, uuid=move.resident.uuid, flags=flags)
        for decision in move.news():
            self._out.event("decision", guest=name, **decision.to_dict())
            if decision.action == "look":
                # What both hosts say of a silent migration is for everybody.
                self._out.warn(f"{name}: {decision.reason}")
            elif not ends_it(decision):
                self._board.note(f"{name}: {decision.at:.1f} s  {decision}")
