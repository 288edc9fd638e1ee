"""Ctrl-C, a termination and a vanishing terminal while a migration runs."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class Signals:
    """Counts interrupts in place of raising them, and ignores a hang-up. Restores all of it at the end."""

    def __init__(self) -> None:
        self.interrupts = 0
        self.terminated = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.getsignal(number)
            signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self.interrupts += 1
        elif number == signal.SIGTERM:
            self.terminated = True
