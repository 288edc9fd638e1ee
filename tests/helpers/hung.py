"""Daemons that accept and never answer, as a stopped one does."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from libvirt_migrate.lab import Host


class Hung:
    """A socket that takes connections in the kernel only."""

    def __init__(self, folder: str) -> None:
        path = f"{folder}/hung.sock"
        self.uri = f"qemu+unix://user:secret@/system?socket={path}"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(64)
        self.socket.settimeout(20)

    def refuse(self) -> None:
        """Waits for one who connects, and ends that connection."""
        self.socket.accept()[0].close()

    def waiting(self) -> int:
        """How many have connected, one at least; they are let go of."""
        first = self.socket.accept()[0]
        self.socket.setblocking(False)
        count = 1
        try:
            while True:
                self.socket.accept()[0].close()
                count += 1
        except BlockingIOError:
            return count
        finally:
            first.close()
            self.socket.settimeout(20)


@contextmanager
def hung_daemon() -> Iterator[Hung]:
    # Not pytest's folder, whose path is too long for a socket.
    folder = tempfile.mkdtemp()
    daemon = Hung(folder)
    try:
        yield daemon
    finally:
        daemon.socket.close()
        shutil.rmtree(folder)


@contextmanager
def stopped(host: Host) -> Iterator[Callable[[], object]]:
    """The daemon of a host of the lab does not run meanwhile, unless it is told to go on before."""
    number = (host.folder / "run" / "libvirtd.pid").read_text()

    def go_on() -> None:
        host.run("kill", "-CONT", number)

    host.run("kill", "-STOP", number)
    try:
        yield go_on
    finally:
        go_on()


def counts() -> tuple[int, int]:
    """Threads and open files of this process."""
    return len(list(Path("/proc/self/task").iterdir())), len(os.listdir("/proc/self/fd"))


def settled_counts() -> tuple[int, int]:
    """The same, once connections that were let go of before are closed."""
    last = None
    gc.collect()
    while (now := counts()) != last:
        last = now
        time.sleep(0.3)
    return now


def no_more_than(before: tuple[int, int]) -> bool:
    return all(now <= then for now, then in zip(counts(), before, strict=True))
