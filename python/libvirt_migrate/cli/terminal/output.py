"""Where the command writes: lines for people, or JSON objects for programs.

A stream whose reader has gone away swallows what is written: a closed pipe or terminal must end nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

from .wrapping import wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TextIO

    from rich.console import Console


class Guarded:
    """A text stream that goes on when nobody reads it any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes, or forgets."""
        if not self.gone:
            try:
                return self._stream.write(text)
            except OSError:
                self._lose()
            except UnicodeEncodeError:
                self._stream.write(text.encode("ascii", "replace").decode())
        return len(text)

    def flush(self) -> None:
        """Flushes what there is."""
        if not self.gone:
            try:
                self._stream.flush()
            except OSError:
                self._lose()

    def _lose(self) -> None:
        """What is still in the buffer must find somewhere to go when the interpreter ends."""
        self.gone = True
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


def guard_streams() -> None:
    """Guards standard output and standard error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w")  # noqa: SIM115
        if not isinstance(stream, Guarded):
            setattr(sys, name, Guarded(stream))


def leave(code: int) -> NoReturn:
    """Ends the process at once: a thread sits in a call of libvirt's, which no interpreter could wait for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _fitted(text: str, stream: TextIO) -> str:
    """The text with line breaks for a terminal, and as it is for everything else."""
    return wrapped(text, columns(stream)) if stream.isatty() else text


def columns(stream: TextIO) -> int:
    """The width of a terminal."""
    with contextlib.suppress(OSError, ValueError):
        given = os.environ.get("COLUMNS", "")
        if given.isdecimal() and int(given):
            return int(given)
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80


class Output:
    """What one run of the command tells, in one of the two forms."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        #: Whether a person watches: only then there is progress.
        self.live = not as_json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        #: Whether the result is read where the progress is: what was shown there is not said once more.
        self.together = self.live and sys.stdout.isatty()
        #: A person watches, and rich is not installed.
        self.plain = False
        self._console: Console | None = None

    def console(self) -> Console | None:
        """rich's console on standard error, where there is a person and rich is installed."""
        if self.live and self._console is None:
            try:
                from rich.console import Console
            except ImportError:
                # There is a plain line now and then.
                self.live = self.together = False
                self.plain = True
                self.warn("pip install 'libvirt-migrate[cli]' shows this live")
            else:
                self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        return self._console

    def say(self, text: str) -> None:
        """A line for people: a result."""
        if not self.as_json:
            print(_fitted(text, sys.stdout), flush=True)

    def note(self, text: str) -> None:
        """A line for the person who watches, and for nobody else."""
        if self._console is not None:
            self._console.print(_fitted(text, sys.stderr), soft_wrap=True)
        elif self.live:
            # rich takes a while to load, and is not needed for this.
            print(_fitted(text, sys.stderr), file=sys.stderr, flush=True)

    @property
    def can_ask(self) -> bool:
        """Whether there is a person who could answer a question."""
        return self.live and sys.stdin is not None and sys.stdin.isatty()

    def ask(self, question: str) -> bool:
        """Whether the person says yes; everything else is no."""
        print(_fitted(f"{question} [y/N] ", sys.stderr), end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def warn(self, text: str) -> None:
        """A line on standard error, whoever reads it."""
        if not self.as_json:
            print(_fitted(f"libvirt-migrate: {text}", sys.stderr), file=sys.stderr, flush=True)

    def event(self, event: str, **fields: Any) -> None:
        """An object for programs."""
        if self.as_json:
            import json

            print(json.dumps({"event": event, "time": round(time.time(), 3), **fields}), flush=True)
