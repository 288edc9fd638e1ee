"""What a migration tells: callbacks and the log, on a domain in memory."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from helpers.migrating import DESTINATION, MIB, MigratingDomain, eventually, memory, start
from libvirt_migrate import (
    Convergence,
    Guest,
    InvalidParameter,
    Migration,
    MigrationCancelled,
    MigrationFailed,
    Progress,
)


def test_callbacks_come_in_order_on_one_thread(domain: MigratingDomain) -> None:
    domain.stats = memory(2, 100 * MIB)
    seen: list[tuple[str, Any, str]] = []

    def note(kind: str) -> Any:
        return lambda what: seen.append((kind, what, threading.current_thread().name))

    migration = start(
        domain, on_progress=note("progress"), on_switchover=note("switchover"), on_end=note("end")
    )
    eventually(lambda: seen, "progress")
    domain.running = [3, 2]
    eventually(lambda: "switchover" in [kind for kind, _, _ in seen], "switchover")
    assert not migration.done
    domain.end()
    outcome = migration.result()
    eventually(lambda: seen[-1][0] == "end", "the end")
    kinds = [kind for kind, _, _ in seen]
    assert kinds.count("switchover") == kinds.count("end") == 1
    assert seen[-1][1] == outcome
    assert {thread for _, _, thread in seen} == {"libvirt-migrate-news"}
    assert [type(what) for kind, what, _ in seen if kind == "switchover"] == [float]
    assert all(isinstance(what, Progress) for kind, what, _ in seen if kind == "progress")


class Stop(BaseException):
    """What no callback should raise."""


@pytest.mark.parametrize(
    "error", [ValueError("mine"), KeyboardInterrupt("mine"), SystemExit("mine"), Stop("mine")]
)
def test_an_exception_in_a_callback_is_logged_and_ends_nothing(
    domain: MigratingDomain, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    domain.stats = memory(2, 100 * MIB)
    ends: list[Any] = []

    def bad(_: Any) -> None:
        raise error

    migration = start(domain, on_progress=bad, on_switchover=bad, on_end=bad)
    other = MigratingDomain()
    start(other, on_end=ends.append)
    domain.end()
    assert migration.result().guest_location == "destination-running"
    other.end()
    eventually(lambda: ends, "the other one's end")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert all(record.name == "libvirt_migrate" for record in errors)
    text = " ".join(record.getMessage() for record in errors)
    assert all(f"exception in {name}" in text for name in ("on_progress", "on_switchover", "on_end"))
    assert all(record.exc_info and record.exc_info[1] is error for record in errors)


def test_a_callback_may_use_the_migration(domain: MigratingDomain) -> None:
    """No lock is held while it runs."""
    guest = Guest(domain)
    box: list[Migration] = []
    done, ready = threading.Event(), threading.Event()

    def on_progress(progress: Progress) -> None:
        assert ready.wait(10)
        box[0].set_max_downtime(0.1)
        assert box[0].progress.iteration == 2
        box[0].abort()
        done.set()

    domain.stats = memory(2, 100 * MIB)
    migration = guest.start_migration({}, destination=DESTINATION, on_progress=on_progress)
    box.append(migration)
    domain.wait_for_call()
    ready.set()
    assert done.wait(10)
    with pytest.raises(MigrationCancelled):
        migration.result()


def test_a_slow_callback_misses_samples_but_nothing_else(domain: MigratingDomain) -> None:
    free = threading.Event()
    seen: list[Progress] = []
    ends: list[Any] = []

    def slow(progress: Progress) -> None:
        seen.append(progress)
        free.wait(20)

    migration = start(domain, on_progress=slow, on_end=ends.append)
    for iteration in range(1, 20):
        domain.stats = memory(iteration, 500 * MIB)
        eventually(lambda: migration.progress.iteration == iteration, "the sample")  # noqa: B023
    domain.end()
    migration.wait()
    free.set()
    eventually(lambda: ends, "the end")
    assert seen[-1].fraction == 1.0
    assert len(seen) < 10


def test_the_log_tells_what_is_done(domain: MigratingDomain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "libvirt_migrate")
    migration = Guest(domain).start_migration(
        {},
        destination="qemu+tcp://root:hunter2@host2/system",
        convergence=Convergence(max_downtime=0.2, deadline=100),
    )
    domain.wait_for_call()
    domain.stats = memory(2, 100 * MIB)
    next(iter(migration))
    migration.set_bandwidth(7)
    domain.end()
    migration.wait()
    eventually(lambda: "migrated" in caplog.text, "the end")
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert all(record.name == "libvirt_migrate" for record in caplog.records)
    assert lines[0] == "vm: migrating to qemu+tcp://host2/system (a pause of 200 ms at most, within 100 s)"
    assert "limit the bandwidth to 7 MiB/s: it was asked for" in caplog.text
    assert [line for line in lines if "stopped here" in line]
    assert "destination-running" in lines[-1]
    # Samples are for those who ask.
    assert not [record for record in caplog.records if record.levelno == logging.DEBUG]
    assert "hunter2" not in caplog.text


def test_samples_are_logged_for_debugging(domain: MigratingDomain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "libvirt_migrate")
    domain.stats = memory(2, 100 * MIB)
    migration = start(domain)
    eventually(lambda: "Progress(memory" in caplog.text, "a sample")
    domain.end(9)
    with pytest.raises(MigrationFailed):
        migration.result()
    eventually(lambda: "failed" in caplog.text, "the end")
    assert "the guest is source-running" in caplog.text


def test_migrate_logs_as_well(domain: MigratingDomain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "libvirt_migrate")
    domain.end()
    outcome = Guest(domain).migrate({}, destination=DESTINATION)
    assert outcome.guest_location == "destination-running"
    eventually(lambda: "migrated in" in caplog.text, "the end")
    assert "vm: migrating to qemu+tcp://host2/system" in caplog.text
    # The call belongs to the caller's thread, so nothing steers it.
    with pytest.raises(InvalidParameter, match="convergence"):
        Guest(domain).migrate({}, destination=DESTINATION, convergence=Convergence())
