"""Other Python threads run while this package waits: for libvirt, for a daemon, for the end of something."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import StartGuest
from helpers.hung import stopped
from helpers.migrating import DESTINATION, MigratingDomain, libvirtError, memory
from libvirt_migrate import Guest, Host, MigrationFailed
from libvirt_migrate.lab import Host as LabHost
from libvirt_migrate.lab import Workload

#: An event loop that is written in Python, and that gives the GIL up in each of its functions.
LOOP = """
import faulthandler, sys, threading, time
faulthandler.dump_traceback_later(60, exit=True)
import libvirt

class Loop:
    count = 0
    def add(self, *_):
        time.sleep(0.2)
        Loop.count += 1
        return Loop.count
    def update(self, *_): pass
    def remove(self, *_):
        time.sleep(0.2)
        return 0

loop = Loop()
libvirt.virEventRegisterImpl(loop.add, loop.update, loop.remove, loop.add, loop.update, loop.remove)
dom = libvirt.open("test:///default").lookupByName("test")
from libvirt_migrate import Guest, Host

def apart(body):
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    time.sleep(0.05)
    return thread
"""

WITH_A_LOOP = {
    "a domain while a connection is opened": """
        opening = apart(lambda: Host.open("test:///default"))
        print(Guest(dom).name)
        opening.join()
    """,
    "connections while a domain is taken": """
        taking = [apart(lambda: Guest(dom)) for _ in range(4)]
        print(Guest.open("test", "test:///default").name)
        [thread.join() for thread in taking]
    """,
    # From the end on a connection is refused, which the thread may or may not live to see.
    "the end of the interpreter": """
        def opening():
            try:
                [Host.open("test:///default") for _ in range(1000)]
            except Exception as error:
                assert str(error) == "the process is about to end", error
        apart(opening)
        print(Guest(dom).name)
    """,
}


@pytest.mark.parametrize("script", WITH_A_LOOP.values(), ids=WITH_A_LOOP.keys())
def test_an_event_loop_that_is_written_in_python(script: str) -> None:
    """A lock that is held through a call of the loop's, by whoever has no GIL, would wait for itself."""
    done = subprocess.run(
        [sys.executable, "-c", LOOP + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "test\n", "")


class Beats:
    """Counts as long as it gets the GIL."""

    def __init__(self) -> None:
        self.count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def _beat(self) -> None:
        while not self._over.wait(0.001):
            self.count += 1

    def __enter__(self) -> Beats:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class BrokenPostCopy(MigratingDomain):
    """Its post-copy breaks, and memory moves on until other threads were seen to run between two calls."""

    def __init__(self, beats: Beats) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.seen_free = False
        self._beats = beats
        self._broke: float | None = None
        self._last = 0
        self._number = 0

    def _called(self) -> None:
        # One who waits for the GIL gets it when the next call begins, and no more than that.
        self.seen_free = self.seen_free or (self._last > 0 and self._beats.count - self._last > 5)
        self.threads.add(threading.get_ident())

    def _moves(self) -> bool:
        return self._broke is not None and not self.seen_free and time.monotonic() - self._broke < 30

    def state(self, flags: int = 0) -> list[int]:
        self._called()
        return [3, 13] if self._moves() else [1, 1] if self._broke is None else [5, 4]

    def jobStats(self, flags: int = 0) -> dict[str, Any]:
        self._called()
        self._number += 1
        stats = memory(self._number, 100) if self._moves() else {"type": 0}
        self._last = self._beats.count
        return stats

    def migrateToURI3(self, dconnuri: Any, params: Any = None, flags: int = 0) -> Any:
        self._called()
        self._broke = time.monotonic()
        raise libvirtError(9, "job failed in post-copy phase")


def test_the_waiting_of_a_migration_of_an_object() -> None:
    with Beats() as beats:
        domain = BrokenPostCopy(beats)
        with pytest.raises(MigrationFailed, match="job failed in post-copy phase"):
            Guest(domain).migrate({}, destination=DESTINATION, flags=3)
    assert domain.seen_free
    assert domain.threads == {threading.get_ident()}


def test_an_exception_of_an_objects_own_is_itself() -> None:
    class Interrupted(MigratingDomain):
        aborted = 0

        def migrateToURI3(self, dconnuri: Any, params: Any = None, flags: int = 0) -> Any:
            raise KeyboardInterrupt

        def abortJob(self) -> int:
            Interrupted.aborted += 1
            return 0

    with pytest.raises(KeyboardInterrupt):
        Guest(Interrupted()).migrate({}, destination=DESTINATION)
    assert Interrupted.aborted == 1


LET_GO: dict[str, Callable[[str, str], object]] = {
    "host": lambda _, uri: Host.open(uri),
    "guest": lambda name, uri: Guest.open(name, uri),
    "guests of a host": lambda _, uri: Host.open(uri).guests(),
}


@pytest.mark.parametrize("make", LET_GO.values(), ids=LET_GO.keys())
def test_letting_go_of_a_connection(
    start_guest: StartGuest, source: LabHost, make: Callable[[str, str], object]
) -> None:
    """Closing asks the daemon. While it does not answer, whoever would have it go on gets the GIL."""
    name = start_guest(memory=64, workload=Workload(working_set=4, rest=20)).name
    held = [make(name, source.uri)]
    closing, ran = threading.Event(), threading.Event()
    with stopped(source) as go_on:

        def other() -> None:
            closing.wait()
            time.sleep(0.5)
            ran.set()
            go_on()

        thread = threading.Thread(target=other)
        thread.start()
        closing.set()
        held.clear()
        was_free = ran.is_set()
        thread.join()
    assert was_free
