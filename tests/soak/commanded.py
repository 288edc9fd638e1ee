"""Migrations that the command asks for: a process that can be killed, and has a clock of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

from helpers.commands import COMMAND, LISTEN, environment
from libvirt_migrate.lab import Host

#: Debian's libfaketime: a process's wall clock can be set, and nobody else's is.
_FAKETIME = "usr/lib/*/faketime/libfaketimeMT.so.1"


def clock_library() -> Path | None:
    """Where libfaketime is."""
    return next(iter(Path("/").glob(_FAKETIME)), None)


class Commanded:
    """One command that runs."""

    def __init__(self, *words: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="soak-command-")
        folder = Path(self._folder.name)
        self._clock, self._said = folder / "clock", folder / "said"
        self.step_clock(0)
        clock = {
            "LD_PRELOAD": str(clock_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            # The clock that no operator sets.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.killed = False
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                [*COMMAND, *words, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment(STATE_DIRECTORY=self._folder.name, **clock),
            )

    def kill(self) -> bool:
        """Kills it as the kernel would; whether it still ran."""
        self.killed = self.killed or self._process.poll() is None
        self._process.kill()
        return self.killed

    def step_clock(self, seconds: int) -> None:
        """Sets its clock ahead, or back, of everybody else's."""
        self._clock.write_text(f"{seconds:+d}\n")

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> bool:
        """Whether it has ended in this time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.runs

    def ending(self, name: str) -> tuple[str, str]:
        """Where this guest is by the command's word, and what was said."""
        lines = self._said.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        for event in events:
            if event["event"] == "end" and event["guest"] == name:
                said = "done" if event["result"] == "moved" else event["message"]
                return event.get("guest_location") or "unknown", said
        if self.killed:
            return "unknown", "the caller was killed"
        left = [event["left"][name] for event in events if name in (event.get("left") or {})]
        refused = left or [event["message"] for event in events if event["event"] == "error"] or lines[-1:]
        return "refused", refused[0] if refused else f"exit {self._process.returncode} without a word"

    def close(self) -> None:
        """Ends it where it has not."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def migrate(name: str, source: Host, destination: Host, *, copies: bool) -> Commanded:
    """`libvirt-migrate migrate`."""
    copied = ("--copy-storage", "all") if copies else ()
    return Commanded("migrate", name, destination.uri, "--from", source.uri, *LISTEN, *copied)


def drain(source: Host, destination: Host) -> Commanded:
    """`libvirt-migrate drain`."""
    # All disks are hosts' own.
    return Commanded(
        "drain", source.uri, "--to", destination.uri, *LISTEN, "--copy-storage", "all", "--jobs", "3"
    )


def see_through(command: Commanded, longest: float) -> bool:
    """Waits for the end; one that does not come is told."""
    began = time.monotonic()
    while not command.wait(2):
        if time.monotonic() - began > longest:
            return False
    return True
