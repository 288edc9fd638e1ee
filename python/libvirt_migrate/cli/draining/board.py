"""What a person sees of many moves: a line for each guest on its way, and one for all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..terminal.line import PERIOD, draw, fitting
from ..terminal.values import show_size, show_time

if TYPE_CHECKING:
    from types import TracebackType

    from ..terminal.output import Output
    from .move import Move
    from .residents import Resident

#: How often a log gets a line, s.
LOG_PERIOD = 5.0
#: From which part of the work on it is known how long all of it takes.
_ENOUGH = 0.03


class Board:
    """Lines that are drawn anew where a person watches; elsewhere one now and then."""

    def __init__(self, out: Output, residents: list[Resident]) -> None:
        self._out = out
        self._total = len(residents)
        self._memory = sum(resident.memory for resident in residents)
        self._began = self._logged = time.monotonic()
        self._drawn = 0.0
        self._moved = self._left = 0
        #: The memory of those that are over, bytes.
        self._settled = 0
        self._live: Any = None

    def __enter__(self) -> Board:
        console = self._out.console()
        if console is not None:
            from rich.live import Live

            # A result that goes to a file is not for the screen.
            self._live = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=self._out.together
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, text: str) -> None:
        """A line above them, for a person who watches."""
        if self._live is not None:
            self._out.note(text)

    def over(self, resident: Resident, text: str, moved: bool) -> None:
        """What became of a guest."""
        self._settled += resident.memory
        self._moved += moved
        self._left += not moved
        self._out.say(text)

    def draw(self, running: list[Move], waiting: list[Resident]) -> None:
        """Draws them, or logs a line when it is time."""
        now = time.monotonic()
        if self._live is not None:
            if now - self._drawn >= PERIOD:
                self._drawn = now
                self._live.update(self._picture(running, waiting), refresh=True)
        elif now - self._logged >= LOG_PERIOD:
            self._logged = now
            self._out.say("; ".join([self._summary(running, waiting), *map(_short, running)]))

    def _picture(self, running: list[Move], waiting: list[Resident]) -> Any:
        from rich.console import Group
        from rich.text import Text

        width = self._live.console.width
        lines: list[Any] = []
        for move in running:
            if move.migration is None:
                lines.append(Text(_short(move), no_wrap=True, overflow="ellipsis"))
            else:
                lines.append(draw(move.resident.name, move.migration.progress, width))
        parts = [self._counts(running, waiting), *self._times(running)]
        lines.append(Text(fitting(parts, width - 4).strip(), style="bold", no_wrap=True, overflow="ellipsis"))
        if waiting:
            names = fitting([resident.name for resident in waiting], width - 14).strip()
            lines.append(Text(f"waiting: {names}", style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _summary(self, running: list[Move], waiting: list[Resident]) -> str:
        return ", ".join([self._counts(running, waiting), *self._times(running)])

    def _counts(self, running: list[Move], waiting: list[Resident]) -> str:
        left = f", {self._left} left" if self._left else ""
        waits = f", {len(waiting)} waiting" if waiting else ""
        return f"{self._moved} of {self._total} moved{left}, {len(running)} on the way{waits}"

    def _times(self, running: list[Move]) -> list[str]:
        """How far all of it is and how long it may take, by the guests' memory."""
        done = float(self._settled)
        done += sum(
            move.resident.memory * move.migration.progress.fraction
            for move in running
            if move.migration is not None
        )
        part = done / self._memory if self._memory else 0.0
        told = [f"{show_size(done)} of {show_size(self._memory)}"]
        if part >= _ENOUGH:
            told.append(f"about {show_time((time.monotonic() - self._began) * (1 - part) / part)} to go")
        return told


def _short(move: Move) -> str:
    """A guest on its way, in a few words."""
    if move.migration is None:
        return f"{move.resident.name} asking both hosts"
    progress = move.migration.progress
    return f"{move.resident.name} {progress.phase} {progress.fraction * 100:.0f} %"
