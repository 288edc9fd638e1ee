"""Ctrl-C, a termination and a vanishing terminal while a migration runs."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType

#: How long after a first Ctrl-C libvirt is asked to abort, s: a second one can still have it go on.
GRACE = 1.0


class Signals:
    """Counts interrupts in place of raising them, and ignores a hang-up. Restores all of it at the end."""

    def __init__(self) -> None:
        self.interrupts = 0
        self.terminated = False
        self._first = 0.0
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

    @property
    def aborts(self) -> bool:
        """Whether the first Ctrl-C was not followed by another one in time."""
        return self.interrupts == 1 and time.monotonic() - self._first >= GRACE

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._first = self._first or time.monotonic()
            self.interrupts += 1
        elif number == signal.SIGTERM:
            self.terminated = True
