"""Faults of the drop-in's own code: whatever breaks, the migration is followed to its end, and the right end
is told once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from nova.virt.libvirt import migration as nova_migration

from libvirt_migrate import MigrationFailed
from libvirt_migrate.nova import carrying, monitor, progress

from .course import DONE, NONE, Course, Look, after, course, ended, option, raised, returned, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]

Break = Callable[[Course, pytest.MonkeyPatch], None]


class Defect(Exception):
    """Of ours."""


def defective(*_: Any, **__: Any) -> Any:
    raise Defect("a defect")


def policy_cannot_be_made(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(carrying, "intent", defective)


def policy_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(carrying, "source_state", defective)


def a_decision_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    option("live_migration_completion_timeout", 1)
    it.guest.abort_job = defective


def reporter_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(progress.Reporter, "report", defective)


def figures_raise(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(progress, "figures", defective)
    patch.setattr(monitor, "figures", defective)


def saving_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nova_migration, "save_stats", defective)


def tasks_raise(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nova_migration, "run_tasks", defective)


def job_info_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    look = it.guest.get_job_info

    def raises() -> None:
        look()
        defective()

    it.guest.get_job_info = raises


def job_info_is_nothing(it: Course, patch: pytest.MonkeyPatch) -> None:
    look = it.guest.get_job_info
    it.guest.get_job_info = lambda: look() and None


def data_is_not_known(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Course, "_live_migration_data_gb", defective)


def flags_are_not_known(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Course, "_get_migration_flags", defective)


def memory_is_not_known(it: Course, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Course, "_get_vpmems", defective)
    it.post_copy = True


def state_raises(it: Course, patch: pytest.MonkeyPatch) -> None:
    it.guest._domain.state = defective


PARTS = [
    policy_cannot_be_made,
    policy_raises,
    a_decision_raises,
    reporter_raises,
    figures_raise,
    saving_raises,
    tasks_raise,
    job_info_raises,
    job_info_is_nothing,
    data_is_not_known,
    flags_are_not_known,
    memory_is_not_known,
    state_raises,
]
ENDS: list[tuple[Look, str]] = [
    (returned, "post"),
    (raised(ended(MigrationFailed, "source-running")), "recover"),
]


@pytest.mark.parametrize(("end", "told"), ENDS, ids=["moved", "failed"])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_a_part_that_breaks_ends_nothing(
    part: Break,
    end: Look,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[bool] = []
    ends = (end, lambda it: seen.append(it.future.done()), NONE)
    it = course(running(), after(10), running(2), after(10), running(3), *ends)
    part(it, monkeypatch)
    with caplog.at_level(logging.INFO):
        assert it.run_followed() == told
    # Not before the call was over.
    assert seen == [True]
    assert it.active_migrations == {}
    if part not in (job_info_is_nothing, state_raises):
        assert "a defect" in caplog.text


@pytest.mark.parametrize("part", [policy_raises, reporter_raises, job_info_raises])
def test_a_fault_is_told_once_with_its_traceback(
    part: Break, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    it = course(*(running(number) for number in range(1, 20)), returned, NONE)
    part(it, monkeypatch)
    assert it.run_followed() == "post"
    told = [record for record in caplog.records if "a defect" in record.getMessage()]
    assert len(told) == 1
    assert told[0].exc_info is not None
    assert "is followed to its end" in told[0].getMessage()


class EventletEvent:
    """As Nova 31 hands it over."""

    def __init__(self, future: Future[None]) -> None:
        self._future = future
        self.ready = future.done

    def wait(self, timeout: float) -> None:
        threading.Event().wait(0.0)


class ThreadingEvent:
    """As Nova 32.0 and 32.1 do."""

    def __init__(self, future: Future[None]) -> None:
        self.is_set = future.done

    def wait(self, timeout: float) -> None:
        threading.Event().wait(0.0)


class Broken:
    """A handle whose every method fails."""

    done = is_set = ready = wait = result = defective


class Unfinished:
    """A future that never says that it is over."""

    def done(self) -> bool:
        return False

    def result(self, timeout: float) -> None:
        raise Defect("a defect")


HANDLES: list[Callable[[Future[None]], Any]] = [
    lambda future: future,
    EventletEvent,
    ThreadingEvent,
    lambda future: object(),
    lambda future: None,
    lambda future: Broken(),
    lambda future: Unfinished(),
]


@pytest.mark.parametrize(("end", "told"), ENDS, ids=["moved", "failed"])
@pytest.mark.parametrize(
    "handle", HANDLES, ids=["future", "eventlet", "threading", "unknown", "none", "broken", "unfinished"]
)
def test_every_kind_of_handle_leads_to_the_end(
    handle: Callable[[Future[None]], Any], end: Look, told: str
) -> None:
    seen: list[bool] = []
    it = course(NONE, running(), running(2), end, lambda it: seen.append(it.future.done()), NONE)
    it.handle = handle(it.future)
    assert it.run_followed() == told
    assert seen == [True]


@pytest.mark.parametrize("handle", [EventletEvent, ThreadingEvent, lambda future: future])
def test_the_handles_of_all_releases_do_without_more(handle: Callable[[Future[None]], Any]) -> None:
    it = course(NONE, running(), returned, DONE)
    it.handle = handle(it.future)
    assert it.run() == "post"
