"""The live line of a migration: phase, bar, what is left, and how fast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .values import show_rate, show_size, show_time
from .wrapping import wrapped

if TYPE_CHECKING:
    from types import TracebackType

    from ... import Decision, Progress
    from .output import Output

#: How often the line is drawn, s. Drawing it takes about 2 ms, so that this stays below 1 % of a core.
PERIOD = 0.4
#: How often there is a line where nothing can be drawn, s.
PLAIN_PERIOD = 5.0
#: The shortest bar that tells something.
BAR = 10


class Line:
    """The line, where a person watches; nothing otherwise."""

    def __init__(self, out: Output, name: str) -> None:
        self._out, self._name = out, name
        self._live: Any = None
        self._drawn = -1.0
        self._spoken = time.monotonic()
        #: Since when the guest stands still for it.
        self._stands: float | None = None

    def __enter__(self) -> Line:
        console = self._out.console()
        if console is not None:
            from rich.live import Live

            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Draws it, unless it was drawn just now or nothing has changed."""
        if self._out.plain:
            self._plainly(progress)
        if self._live is None or (progress.elapsed == self._drawn and self._stands is None):
            return
        self._drawn = progress.elapsed
        paused = None if self._stands is None else time.monotonic() - self._stands
        self._live.update(draw(self._name, progress, self._live.console.width, paused), refresh=True)

    def _plainly(self, progress: Progress) -> None:
        """A line now and then, where nothing can be drawn."""
        if time.monotonic() - self._spoken >= PLAIN_PERIOD:
            self._spoken = time.monotonic()
            figures = ", ".join([progress.phase, *amounts(progress), *rates(progress)])
            self._out.warn(f"{self._name}: {figures}")

    def stands(self) -> None:
        """The guest was paused for the migration's sake: from now on the line counts for how long."""
        self._stands = self._stands or time.monotonic()

    def goes_on(self) -> None:
        """It does not stand still any more."""
        self._stands = None

    def decision(self, decision: Decision) -> None:
        """A decision, above the line."""
        self.note(f"{decision.at:6.1f} s  {decision}", style="yellow")

    def note(self, text: str, style: str = "") -> None:
        """A line above the line."""
        if self._live is not None:
            from rich.text import Text

            # The style of a print would be the live line's as well.
            console = self._live.console
            console.print(Text(wrapped(text, console.width), style=style), soft_wrap=True)


def draw(name: str, progress: Progress, width: int, paused: float | None = None) -> Any:
    """The line, as wide as the terminal; a narrow one shows the rates in a second line.

    `paused` is for how long the guest has stood still, s.
    """
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1), expand=True)
    # A terminal echoes ^C behind the line, which must not wrap.
    grid.width = max(10, width - 4)
    named = max(8, width // 5)
    cells: list[Any] = [Text(name, style="bold", no_wrap=True), Text(progress.phase, no_wrap=True)]
    grid.add_column(max_width=named, no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True)
    first, rest = amounts(progress), rates(progress)
    if paused is not None:
        first.append(f"paused {show_time(paused)}")
    room = grid.width - min(len(name), named) - len(progress.phase) - 3 - _length(first)
    if room - _length(rest) >= BAR:
        first, rest = first + rest, []
    if room >= BAR:
        grid.add_column(ratio=1)
        cells.append(ProgressBar(total=1.0, completed=progress.fraction))
    for text in first:
        grid.add_column(no_wrap=True, justify="right")
        cells.append(Text(text, no_wrap=True))
    grid.add_row(*cells)
    if not rest:
        return grid
    return Group(grid, Text(fitting(rest, grid.width - 2), no_wrap=True, overflow="ellipsis"))


def _length(texts: list[str]) -> int:
    return sum(len(text) + 1 for text in texts)


def amounts(progress: Progress) -> list[str]:
    """How far it has come."""
    done = f"{progress.fraction * 100:.0f} %"
    if progress.phase == "setup":
        return [done]
    remaining = progress.disk_remaining if progress.phase == "disks" else progress.memory_remaining
    return [done, f"{show_size(remaining)} left"]


def rates(progress: Progress) -> list[str]:
    """How fast it is, the most important first; nothing of what is not known."""
    return [
        *([show_rate(progress.throughput)] if progress.throughput is not None else []),
        *([f"dirty {show_rate(progress.dirty_rate)}"] if progress.dirty_rate is not None else []),
        *(
            [f"pause {show_time(progress.expected_downtime)}"]
            if progress.expected_downtime is not None
            else []
        ),
        *(
            [f"{show_time(progress.expected_time_left)} to go"]
            if progress.expected_time_left is not None
            else []
        ),
        *(["does not end by itself"] if progress.stuck else []),
        *([f"slowed {progress.throttle} %"] if progress.throttle else []),
    ]


def fitting(texts: list[str], width: int) -> str:
    """As many as a line of this width holds."""
    line = ""
    for text in texts:
        longer = f"{line}, {text}" if line else f"  {text}"
        if line and len(longer) > width:
            break
        line = longer
    return line
