"""The command in a terminal of a given width, and what a person sees on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator

import pyte

from helpers.commands import COMMAND, environment

LINES = 60


class Terminal:
    """A terminal with the command in it."""

    def __init__(self, process: int, terminal: int, columns: int) -> None:
        self._process, self._terminal = process, terminal
        self._screen = pyte.Screen(columns, LINES)
        self._stream = pyte.ByteStream(self._screen)
        #: Every byte that came, for what the screen does not keep: colours.
        self.raw = b""

    @property
    def lines(self) -> list[str]:
        """The screen, without what is empty."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def text(self) -> str:
        """All of it in one line, as if the terminal were as wide as that."""
        return " ".join(" ".join(self.lines).split())

    def type(self, keys: str) -> None:
        """Types."""
        os.write(self._terminal, keys.encode())

    def see(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Waits until the screen is like this."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.lines
            assert self._read(0.1), self.lines

    def end(self, seconds: float = 60) -> int:
        """Waits for the end; returns the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(0.1):
            assert time.monotonic() < deadline, self.lines
        _, status = os.waitpid(self._process, 0)
        self._process = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Ends it, if that has not come about."""
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._terminal)

    def _read(self, seconds: float) -> bool:
        """Takes what there is within this time. `False` when nothing will come any more."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)


@contextlib.contextmanager
def terminal(*arguments: str, columns: int = 80, **more: str) -> Iterator[Terminal]:
    """The command with these arguments, in a terminal of this width."""
    surroundings = environment(TERM="xterm-256color", **more)
    for name in ("COLUMNS", "LINES"):
        surroundings.pop(name, None)
    process, number = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        os.execvpe(COMMAND[0], [*COMMAND, *arguments], surroundings)  # noqa: S606
    shown = Terminal(process, number, columns)
    try:
        yield shown
    finally:
        shown.close()
