"""Threads, open files and memory stay what they are over a thousand operations. Rust has such a test too."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

from conftest import StartGuest
from helpers.migrating import MigratingDomain, eventually
from libvirt_migrate import Guest, Host, Migration, MigrationCancelled, build_migrate_params
from libvirt_migrate.lab import Host as LabHost
from libvirt_migrate.lab import Workload

#: What an allocator may keep; a word lost in each of a thousand rounds is nothing, a definition is.
BOUND = 3 << 20


def counts() -> tuple[int, int, int]:
    """Open files, threads of the kernel's, threads of Python's."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), threading.active_count()


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def assert_flat(operation: Callable[[], object], times: int) -> None:
    for _ in range(times // 10 + 1):
        operation()
    before, memory = counts(), resident()
    for _ in range(times):
        operation()
    # A thread tells the end before it ends itself.
    eventually(
        lambda: all(now <= then for now, then in zip(counts(), before, strict=True)), f"{before} again"
    )
    assert resident() - memory < BOUND


def abort(migration: Migration) -> None:
    """Aborts it, and sees that it was; what `pytest.raises` keeps of an error would be counted."""
    migration.abort()
    try:
        migration.result()
    except MigrationCancelled:
        return
    raise AssertionError("it was not aborted")


def test_opening_and_closing() -> None:
    def operation() -> None:
        host = Host.open("test:///default")
        assert host.guests()[0].name == Guest.open("test", "test:///default").name

    assert_flat(operation, 1000)


def test_starting_and_aborting() -> None:
    def operation() -> None:
        domain = MigratingDomain()
        told: list[object] = []
        migration = Guest(domain).start_migration(
            {}, destination="qemu+tcp://host2/system", on_progress=told.append, on_end=told.append
        )
        abort(migration)

    assert_flat(operation, 1000)


def test_connections_to_a_daemon(source: LabHost) -> None:
    def operation() -> None:
        assert Host.open(source.uri).guest("nobody") is None

    assert_flat(operation, 1000)


def test_migrations_that_are_aborted(start_guest: StartGuest, source: LabHost, destination: LabHost) -> None:
    guest = start_guest(memory=128, workload=Workload(working_set=64))
    xml = guest.xml_for(source, destination, guest.domain(source).XMLDesc(8))
    params = build_migrate_params(xml, destination=destination.uri, bandwidth=1)
    ours = Guest.open(guest.uuid, source.uri)
    events = []

    def operation() -> None:
        migration = ours.start_migration(params)
        eventually(lambda: migration.progress.memory_remaining, "memory on its way")
        events.append(migration.has_events)
        abort(migration)

    # Each takes a new QEMU at the destination, so not a thousand.
    assert_flat(operation, int(os.environ.get("ROUNDS", "5")))
    assert any(events)
    assert guest.beats.is_intact()
