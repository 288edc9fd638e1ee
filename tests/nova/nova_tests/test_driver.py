"""The driver's methods around the monitor, over Nova's own: the end is told once, nothing raised after it."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest
from nova.virt.libvirt import driver as nova_driver

import libvirt_migrate
from libvirt_migrate import MigrationCancelled, MigrationFailed
from libvirt_migrate.nova import call as calls
from libvirt_migrate.nova import driver
from libvirt_migrate.nova.outcome import GuestLost

from .course import NONE, Course, course, ended, option

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]


class Data(SimpleNamespace):
    """`migrate_data`, with nothing that may be left out but the migration."""

    def __contains__(self, name: str) -> bool:
        return name == "migration" and hasattr(self, name)


class Driver(nova_driver.LibvirtDriver):  # type: ignore[misc]
    """Nova's driver with the methods overridden, for one scripted migration, without a libvirt."""

    _live_migration = driver.live_migration
    _live_migration_operation = driver.live_migration_operation
    live_migration_abort = driver.live_migration_abort

    def __init__(self, it: Course, failure: Exception | None) -> None:
        self.it, self.failure = it, failure
        self.active_migrations: dict[str, deque[str]] = {}
        self._host = SimpleNamespace(get_guest=lambda instance: it.guest)
        self.told: list[str] = []
        self.aborted: list[Any] = []
        it.guest._domain.abortJob = lambda: self.aborted.append(1)
        it.guest.migrate = self._migrate
        it.guest.get_job_info = lambda: NONE
        it.instance.vm_state = "active"
        # The one type for which Nova writes no definition.
        option("virt_type", "parallels")

    # What Nova's own code needs around the call.
    _live_migration_flags = _block_migration_flags = 0

    def _live_migration_uri(self, dest: str) -> str:
        return "qemu+tcp://dest/system"

    @staticmethod
    def _uri() -> str:
        return "qemu+tcp://source/system"

    def _live_migration_data_gb(self, instance: Any, paths: Any) -> float:
        return 2.0

    def _get_vpmems(self, instance: Any, prefix: Any = None) -> list[Any]:
        return []

    def _migrate(self, destination: str, **_: Any) -> None:
        self.it.guest.migration_destination = destination
        if self.failure is not None:
            raise self.failure

    def _live_migration_monitor(self, *arguments: Any) -> None:
        from libvirt_migrate.nova.monitor import live_migration_monitor

        live_migration_monitor(self, *arguments)

    def run(self) -> list[str]:
        """Moves the guest; which method was called."""
        data = Data(migration=self.it.migration, block_migration=False, serial_listen_addr="127.0.0.1")
        self._live_migration(
            None,
            self.it.instance,
            "dest",
            lambda *_: self.told.append("post"),
            lambda *_, migration_status="": self.told.append(f"recover {migration_status}".strip()),
            False,
            data,
        )
        return self.told


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (None, ["post"]),
        (ended(MigrationFailed, "source-running"), ["recover"]),
        (ended(MigrationCancelled, "source-running"), ["recover cancelled"]),
        (ValueError("the definition and the data do not fit"), ["recover"]),
    ],
    ids=["moved", "failed", "cancelled", "refused"],
)
def test_an_end_that_was_seen_to_raises_nothing(
    failure: Exception | None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(failure, ValueError):
        running = SimpleNamespace(host="s", error=None, state=SimpleNamespace(code=1, reason_code=1))
        absent = SimpleNamespace(host="d", error=None, state=None)
        at_source = SimpleNamespace(answers=(running, absent), state="running", host="s")
        monkeypatch.setattr(libvirt_migrate, "where_is", lambda *_, **__: at_source)
    it = Driver(course(), failure)
    assert it.run() == told
    assert it.active_migrations == {}
    # Nova aborts whatever job there is where something is raised.
    assert it.aborted == []
    assert calls.of(it.it.instance) is None


def test_a_guest_that_is_lost_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Driver(course(), ended(MigrationFailed, "post-copy-broken"))
    with pytest.raises(GuestLost, match="post-copy-broken"):
        it.run()
    assert it.told == []
    # Nova would have it aborted, and fail itself where the source does not know the guest any more.
    assert it.aborted == []
    assert it.active_migrations == {}


def test_an_abort_is_known_to_the_migration_that_runs() -> None:
    it = Driver(course(), None)
    with calls.following(it.it.instance) as call:
        it.live_migration_abort(it.it.instance)
        assert call.aborted
    # One that libvirt refuses is none, and nobody has to follow.
    it.live_migration_abort(it.it.instance)
    it.it.guest._domain.abortJob = lambda: (_ for _ in ()).throw(libvirt.libvirtError("no job"))
    with calls.following(it.it.instance) as call, pytest.raises(libvirt.libvirtError):
        it.live_migration_abort(it.it.instance)
    assert not call.aborted


def test_an_operation_that_nobody_follows_raises_as_novas() -> None:
    it = Driver(course(), ended(MigrationFailed, "source-running"))
    data = Data(block_migration=False, serial_listen_addr="127.0.0.1")
    with pytest.raises(MigrationFailed):
        it._live_migration_operation(None, it.it.instance, "dest", False, data, it.it.guest, [])
