"""A domain in memory whose migration the test steers, with libvirt-python's methods."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from libvirt_migrate import Guest, Migration, MigrationFailed

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
DESTINATION = "qemu+tcp://host2/system"
MIB = 1 << 20


class libvirtError(Exception):
    """As libvirt-python's."""

    def __init__(self, code: int, message: str = "as said") -> None:
        super().__init__(message)
        self.code = code

    def get_error_code(self) -> int:
        return self.code


def memory(iteration: int, remaining: int) -> dict[str, Any]:
    """Statistics of a migration in this iteration."""
    return {
        "type": 2,
        "operation": 5,
        "memory_iteration": iteration,
        "memory_total": 1024 * MIB,
        "memory_processed": iteration * 1024 * MIB - remaining,
        "memory_remaining": remaining,
        "memory_bps": 500 * MIB,
        "memory_page_size": 4096,
    }


class MigratingDomain:
    """Runs until `end` or an abort."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.stats: dict[str, Any] = {"type": 0}
        #: The job is somebody else's: it is there before the call.
        self.has_job = False
        self.running = [1, 1]
        self._ended = threading.Event()
        self._error: int | None = None
        self._started = threading.Event()

    def end(self, error: int | None = None) -> None:
        self._error = error
        self._ended.set()

    def wait_for_call(self) -> None:
        assert self._started.wait(10)

    def name(self) -> str:
        return "vm"

    def UUIDString(self) -> str:
        return UUID

    def state(self) -> list[int]:
        return self.running

    def connect(self) -> MigratingDomain:
        return self

    def getLibVersion(self) -> int:
        return 9000000

    def XMLDesc(self, flags: int = 0) -> str:
        return "<domain/>"

    def jobStats(self, flags: int = 0) -> dict[str, Any]:
        if flags:
            raise libvirtError(1)
        return self.stats if self.has_job or self._started.is_set() else {"type": 0}

    def migrateToURI3(self, dconnuri: str, params: Any = None, flags: int = 0) -> int:
        self.calls.append(("migrateToURI3", dconnuri, params, flags))
        self._started.set()
        assert self._ended.wait(60)
        self._ended.clear()
        if self._error is not None:
            raise libvirtError(self._error)
        return 0

    def abortJob(self) -> int:
        self.calls.append(("abortJob",))
        self.end(78)
        return 0

    def suspend(self) -> int:
        self.calls.append(("suspend",))
        return 0

    def migrateSetMaxDowntime(self, downtime: int, flags: int = 0) -> int:
        self.calls.append(("migrateSetMaxDowntime", downtime))
        return 0

    def migrateSetMaxSpeed(self, bandwidth: int, flags: int = 0) -> int:
        self.calls.append(("migrateSetMaxSpeed", bandwidth, flags))
        return 0


def eventually(condition: Callable[[], Any], what: str) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.002)


def start(domain: MigratingDomain, **options: Any) -> Migration:
    """Its migration, once the domain has been called."""
    migration = Guest(domain).start_migration({}, destination=DESTINATION, **options)
    domain.wait_for_call()
    return migration


def migrate(error: int | None = None) -> None:
    """One migration, whole: it succeeds, or fails with this error."""
    domain = MigratingDomain()
    migration = start(domain)
    domain.wait_for_call()
    domain.end(error)
    if error is None:
        migration.result()
        return
    with pytest.raises(MigrationFailed):
        migration.result()
