"""One line of progress for work that says much: it changes on a terminal, and comes seldom elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

#: The shortest time between two, s: on a terminal, and elsewhere.
TERMINAL, ELSEWHERE = 0.1, 10.0


class Line:
    """The line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = 0.0

    def show(self, text: str) -> None:
        """Shows the newest text, unless one was shown just now."""
        now = time.monotonic()
        if now - self._shown < (TERMINAL if self._live else ELSEWHERE):
            return
        self._shown = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r{text[:width]}\x1b[K" if self._live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Takes it away."""
        if self._live and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
