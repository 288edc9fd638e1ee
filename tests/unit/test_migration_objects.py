"""A migration's handle for Python, on a domain in memory."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
from typing import Any

import pytest

from helpers.migrating import DESTINATION, MIB, MigratingDomain, eventually, libvirtError, memory, start
from libvirt_migrate import (
    Convergence,
    Decision,
    Guest,
    InvalidParameter,
    LibvirtError,
    Migration,
    MigrationCancelled,
    MigrationError,
    MigrationFailed,
    Outcome,
    Progress,
)


def test_wait_and_result(domain: MigratingDomain) -> None:
    migration = start(domain)
    assert not migration.wait(0)
    assert not migration.wait(timeout=0.01)
    assert not migration.done
    domain.end()
    assert migration.wait()
    assert migration.done
    outcome = migration.result()
    assert isinstance(outcome, Outcome)
    assert outcome == migration.result()
    assert outcome.guest_location == "destination-running"
    assert (outcome.downtime, outcome.decisions) == (None, ())
    assert 0 < outcome.total_time < 60
    assert outcome.to_dict() == {
        "total_time": outcome.total_time,
        "downtime": None,
        "iterations": 0,
        "bytes": 0,
        "decisions": [],
        "guest_location": "destination-running",
        "left_behind": [],
    }
    assert "destination-running" in repr(outcome)
    assert "destination-running" in repr(migration)


def test_a_result_that_does_not_come_in_time_is_a_timeout(domain: MigratingDomain) -> None:
    migration = start(domain)
    for timeout in (0, 0.01, -5):
        with pytest.raises(TimeoutError, match="goes on"):
            migration.result(timeout=timeout)
    with pytest.raises(InvalidParameter):
        migration.result(float("nan"))

    async def awaited() -> None:
        # asyncio has timeouts of its own, and the migration goes on after them as well.
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(migration, 0.01)

    asyncio.run(awaited())
    assert not migration.done
    domain.end()
    assert migration.result(60).guest_location == "destination-running"
    assert migration.result(timeout=0) == migration.result()


@pytest.mark.parametrize("timeout", [float("nan"), "soon"])
def test_a_timeout_that_is_none_is_refused(domain: MigratingDomain, timeout: Any) -> None:
    migration = start(domain)
    with pytest.raises((InvalidParameter, TypeError)):
        migration.wait(timeout)
    # Absurd ones are not waited for either.
    assert not migration.wait(-5)


def test_iteration_ends_with_the_last_progress(domain: MigratingDomain) -> None:
    domain.stats = memory(1, 512 * MIB)
    migration = start(domain)
    seen: list[Progress] = []
    for progress in migration:
        seen.append(progress)
        domain.stats = memory(2, 100 * MIB)
        if progress.iteration == 2:
            domain.end()
    assert (seen[0].phase, seen[0].memory_total, seen[0].iteration) == ("memory", 1024 * MIB, 1)
    assert (seen[-1].fraction, seen[-1].phase) == (1.0, "finishing")
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    # Each iteration begins anew, where it stands.
    assert [progress.fraction for progress in migration] == [1.0]
    assert seen[0].expected_time_left is None or seen[0].expected_time_left > 0
    told = seen[0].to_dict()
    assert set(told) == {name for name in dir(Progress) if not name.startswith("_")} - {"to_dict"}
    assert all(told[name] == getattr(seen[0], name) for name in told)
    with pytest.raises(AttributeError):
        seen[0].fraction = 2  # type: ignore[misc]


def test_await(domain: MigratingDomain) -> None:
    async def move() -> tuple[Outcome, int]:
        migration = start(domain)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                if ticks == 5:
                    domain.end()
                await asyncio.sleep(0.001)

        ticker = asyncio.create_task(tick())
        outcome = await migration
        ticker.cancel()
        # Once more, after the end.
        assert await migration == outcome
        return outcome, ticks

    outcome, ticks = asyncio.run(move())
    assert outcome.guest_location == "destination-running"
    assert ticks >= 5


def test_several_can_await_and_a_cancelled_task_leaves_it_running(domain: MigratingDomain) -> None:
    async def move() -> list[Any]:
        migration = start(domain)

        async def one() -> Outcome:
            return await migration

        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        await asyncio.sleep(0.01)
        assert not migration.done
        domain.end(9)
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = asyncio.run(move())
    assert isinstance(first, asyncio.CancelledError)
    assert all(isinstance(error, MigrationFailed) for error in others)


def test_a_loop_that_is_closed_is_not_woken(
    domain: MigratingDomain, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[Migration] = []

    async def give_up() -> None:
        kept.append(start(domain))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_awaited(kept[0]), 0.01)

    asyncio.run(give_up())
    domain.end()
    assert kept[0].wait(10)
    assert asyncio.run(_awaited(kept[0])).guest_location == "destination-running"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def _awaited(migration: Migration) -> Outcome:
    return await migration


def test_abort(domain: MigratingDomain) -> None:
    migration = start(domain)
    migration.abort()
    with pytest.raises(MigrationCancelled) as caught:
        migration.result()
    error = caught.value
    # The object's own error as well, as migrate() raises it.
    assert isinstance(error, libvirtError)
    assert (error.code, error.guest_location) == (78, "source-running")
    assert error.outcome is not None
    assert [decision.action for decision in error.outcome.decisions] == ["abort"]
    migration.abort()
    assert domain.calls.count(("abortJob",)) == 1
    assert "failed" in repr(migration)


def test_a_failure_tells_where_the_guest_is_and_can_be_pickled(domain: MigratingDomain) -> None:
    migration = start(domain)
    domain.running = [3, 1]
    domain.end(38)
    with pytest.raises(MigrationFailed) as caught:
        migration.result()
    error = caught.value
    assert error.outcome is not None
    assert error.guest_location == error.outcome.guest_location == "source-paused"
    with pytest.raises(MigrationFailed) as again:
        migration.result()
    assert again.value is not error
    plain = MigrationFailed(error.err, error.guest_location)
    plain.outcome = error.outcome
    copy = pickle.loads(pickle.dumps(plain))  # noqa: S301 (our own)
    assert (copy.err, copy.guest_location, copy.outcome) == (error.err, "source-paused", None)


def test_forcing_and_setting_are_recorded(domain: MigratingDomain) -> None:
    migration = start(domain)
    migration.set_max_downtime(0.2)
    migration.set_bandwidth(30)
    assert domain.calls[1:] == [("migrateSetMaxDowntime", 200), ("migrateSetMaxSpeed", 30, 0)]
    # Forced only once there is a job: a guest that is paused before would be moved as a paused one.
    migration.force_complete()
    assert ("suspend",) not in domain.calls
    domain.stats = memory(1, 64 * MIB)
    eventually(lambda: ("suspend",) in domain.calls, "the pause")
    eventually(lambda: "pause" in [decision.action for decision in migration.decisions], "its record")
    assert [decision.action for decision in migration.decisions[:2]] == ["set-max-downtime", "set-bandwidth"]
    decision = migration.decisions[1]
    assert isinstance(decision, Decision)
    assert decision.to_dict() == {
        "at": decision.at,
        "action": "set-bandwidth",
        "description": "limit the bandwidth to 30 MiB/s",
        "max_downtime": None,
        "reason": "it was asked for",
        "error": None,
    }
    assert str(decision) == "limit the bandwidth to 30 MiB/s: it was asked for"
    for call in (migration.set_max_downtime, migration.set_bandwidth):
        with pytest.raises(InvalidParameter):
            call(-1)
    domain.end()
    migration.wait()
    with pytest.raises(LibvirtError, match="is over"):
        migration.set_bandwidth(5)


def test_a_second_start_is_refused_and_the_first_goes_on(domain: MigratingDomain) -> None:
    guest = Guest(domain)
    first = guest.start_migration({}, destination=DESTINATION)
    domain.wait_for_call()
    with pytest.raises(LibvirtError, match="being migrated already") as caught:
        guest.start_migration({}, destination=DESTINATION)
    assert caught.value.code == 55
    domain.stats = memory(1, MIB)
    with pytest.raises(LibvirtError, match="being migrated already"):
        Guest(domain).start_migration({}, destination=DESTINATION)
    domain.end()
    assert first.result().guest_location == "destination-running"
    assert len([call for call in domain.calls if call[0] == "migrateToURI3"]) == 1


def test_a_migration_that_was_let_go_of_is_adopted_again(domain: MigratingDomain) -> None:
    guest = Guest(domain)
    guest.start_migration({}, destination=DESTINATION)
    gc.collect()
    domain.wait_for_call()
    ends: list[Any] = []
    migration = guest.adopt_migration(on_end=ends.append)
    domain.end()
    assert migration.result().guest_location == "destination-running"
    eventually(lambda: ends, "on_end")


def test_one_that_others_started_is_adopted(domain: MigratingDomain) -> None:
    with pytest.raises(LibvirtError, match="not being migrated"):
        Guest(domain).adopt_migration()
    domain.stats, domain.has_job = memory(2, 100 * MIB), True
    migration = Guest(domain).adopt_migration(convergence=Convergence(max_downtime=0.1))
    assert next(iter(migration)).iteration == 2
    domain.running = [5, 4]
    domain.stats = {"type": 0}
    assert migration.result().guest_location == "destination-running"
    assert not any(call[0] == "migrateToURI3" for call in domain.calls)


def test_a_paused_guest_goes_without_post_copy(domain: MigratingDomain) -> None:
    domain.running = [3, 1]
    migration = start(domain, convergence=Convergence(post_copy=True))
    assert [decision.action for decision in migration.decisions] == ["drop-post-copy"]
    assert not domain.calls[0][3] & (1 << 15)
    domain.end()
    assert migration.result().guest_location == "destination-paused"


def test_what_is_refused_starts_nothing(domain: MigratingDomain) -> None:
    guest = Guest(domain)
    for flags, convergence, named in [
        (1 | 2 | 1 << 5, Convergence(post_copy=True), "post_copy"),
        (2, Convergence(post_copy=True), "post_copy"),
    ]:
        with pytest.raises(InvalidParameter, match=named):
            guest.start_migration({}, destination=DESTINATION, flags=flags, convergence=convergence)
    with pytest.raises(InvalidParameter, match="destination"):
        guest.start_migration({})
    with pytest.raises(TypeError):
        guest.start_migration({}, destination=DESTINATION, convergence="fast")  # type: ignore[arg-type]
    domain.running = [5, 1]
    with pytest.raises(LibvirtError, match="is shut off"):
        guest.start_migration({}, destination=DESTINATION)
    assert domain.calls == []


def test_proxies_of_eventlet_are_not_called_from_other_threads(domain: MigratingDomain) -> None:
    proxy_class = type("Proxy", (MigratingDomain,), {"__module__": "eventlet.tpool"})
    proxy = proxy_class()
    with pytest.raises(InvalidParameter, match="eventlet"):
        Guest(proxy).start_migration({}, destination=DESTINATION)
    with pytest.raises(InvalidParameter, match="eventlet"):
        Guest(proxy).adopt_migration()
    proxy.end()
    Guest(proxy).migrate({}, destination=DESTINATION)
    assert [call[0] for call in proxy.calls] == ["migrateToURI3"]


def test_green_threads_are_refused_and_migrate_still_works(
    domain: MigratingDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Patcher:
        @staticmethod
        def is_monkey_patched(what: str) -> bool:
            return what == "thread"

    monkeypatch.setitem(__import__("sys").modules, "eventlet.patcher", Patcher)
    with pytest.raises(MigrationError, match="eventlet"):
        Guest(domain).start_migration({}, destination=DESTINATION)
    domain.end()
    assert Guest(domain).migrate({}, destination=DESTINATION).guest_location == "destination-running"
