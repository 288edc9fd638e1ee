"""A migration's handle for Python, on a domain in memory."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

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
from migrating import DESTINATION, MIB, MigratingDomain, eventually, libvirtError, memory


@pytest.fixture
def domain() -> Iterator[MigratingDomain]:
    domain = MigratingDomain()
    yield domain
    domain.end()


def start(domain: MigratingDomain, **options: Any) -> Migration:
    migration = Guest(domain).start_migration({}, destination=DESTINATION, **options)
    domain.wait_for_call()
    return migration


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
    }
    assert "destination-running" in repr(outcome)
    assert "destination-running" in repr(migration)


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
    migration.force_complete()
    assert domain.calls[1:] == [
        ("migrateSetMaxDowntime", 200),
        ("migrateSetMaxSpeed", 30, 0),
        ("suspend",),
    ]
    actions = [decision.action for decision in migration.decisions]
    assert actions == ["set-max-downtime", "set-bandwidth", "pause"]
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


BAD_INTENTS: list[dict[str, Any]] = [
    {"max_downtime": -1},
    {"max_downtime": 0},
    {"max_downtime": float("nan")},
    {"max_downtime": 2001},
    {"deadline": 0},
    {"deadline": -5},
    {"deadline": float("inf")},
    {"on_deadline": "panic"},
    {"on_deadline": "force"},
]


@pytest.mark.parametrize("intent", BAD_INTENTS, ids=str)
def test_absurd_intents_are_refused(intent: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=next(iter(intent))):
        Convergence(**intent)


@pytest.mark.parametrize(
    "options",
    [{"downtime": 50}, {"steps": 2}, {"delay": 2}, {"timeout_action": "panic"}, {"data_gb": -1}],
    ids=str,
)
def test_absurd_schedules_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=next(iter(options))):
        Convergence.schedule(**options)


def test_an_intent_says_what_it_is() -> None:
    intent = Convergence(max_downtime=0.1, deadline=60, post_copy=True, on_deadline="force")
    assert intent == Convergence(max_downtime=0.1, deadline=60, post_copy=True, on_deadline="force")
    assert intent != Convergence()
    assert intent.to_dict() == {
        "policy": "adaptive",
        "max_downtime": 0.1,
        "deadline": 60,
        "post_copy": True,
        "throttle": False,
        "on_deadline": "force",
    }
    assert "adaptive" in repr(intent)
    schedule = Convergence.schedule(timeout_action="force_complete", downtime=400)
    assert (schedule.policy, schedule.on_deadline, schedule.max_downtime) == ("schedule", "force", 0.4)
