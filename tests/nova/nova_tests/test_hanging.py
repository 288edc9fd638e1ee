"""Migrations that hang: nothing is heard of them, and both hosts are asked beside the watch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from libvirt_migrate import MigrationFailed
from libvirt_migrate.nova import carrying, looking
from libvirt_migrate.nova.guest import JobInfo
from libvirt_migrate.nova.place import Said

from .course import NONE, Course, Look, after, course, ended, raised, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]

RUNS_ON = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_UNPAUSED)
STANDS = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION)
#: The job has figures no more.
EMPTIED = JobInfo(type=libvirt.VIR_DOMAIN_JOB_UNBOUNDED)
FAILED = raised(ended(MigrationFailed, "source-running"))


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Said, Said], None]:
    """Both hosts say this from now on, at once."""
    said: list[tuple[Said, Said]] = []

    class AtOnce(looking.Look):
        def __init__(self, hosts: Any) -> None:
            self._answers = said[-1]

    monkeypatch.setattr(carrying, "Look", AtOnce)
    return lambda source, destination: said.append((source, destination))


def hanging(*looks: Look, **more: Any) -> Course:
    """One that was asked for, of which nothing is heard after these looks for some minutes; then it fails."""
    silence = [look for _ in range(40) for look in (after(6), looks[-1])]
    it = course(*looks, *silence, FAILED, NONE, **more)
    it.guest.migration_destination = "qemu+tcp://destination/system"
    return it


def names(it: Course) -> list[str]:
    return [call[0] for call in it.calls if call[0] != "downtime"]


def test_what_both_hosts_say_is_told(hosts: Any, caplog: pytest.LogCaptureFixture) -> None:
    hosts(STANDS, (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED))
    it = hanging(running())
    it.state = STANDS
    with caplog.at_level(logging.INFO):
        assert it.run_followed() == "recover"
    (told,) = [text for text in caplog.messages if "nothing was heard of it" in text]
    assert "the source says paused (migration), the destination running (migrated)" in told
    assert "resume it at the source on no account" in told
    assert names(it) == []


def test_a_call_that_waits_for_a_guest_to_stop_is_helped_out(hosts: Any) -> None:
    """By a pause that is taken back, with post-copy allowed too: it is not to get the migration over."""
    hosts(RUNS_ON, False)
    it = hanging(running(), EMPTIED, post_copy=True)
    it.state = RUNS_ON
    it.run_followed()
    assert names(it) == ["pause", "resume"]
    assert it.migration.status == "running"


def test_a_pause_that_libvirt_ends_itself_is_left_for_the_rollback(hosts: Any) -> None:
    """The call returns at once, and Nova's own rollback has a guest go on that stands still."""
    hosts(RUNS_ON, False)
    it = hanging(running(), EMPTIED)
    it.state = RUNS_ON
    pause = it.guest.pause

    def paused() -> None:
        pause()
        FAILED(it)

    it.guest.pause = paused
    it.guest.get_power_state = lambda host: libvirt.VIR_DOMAIN_PAUSED
    assert it.run_followed() == "recover"
    assert names(it) == ["pause", "resume"]


def test_an_abort_in_which_qemu_hangs_is_finished(hosts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(carrying, "Guest", lambda dom: SimpleNamespace(finish_abort=lambda: told.append(dom)))
    hosts(STANDS, False)
    it = hanging(running())
    it.state = STANDS
    it.run_followed()
    # As often as the engine tries it: nothing came of it here.
    assert told == [it.guest._domain] * 3
    assert names(it) == []


def test_a_silence_without_answers_changes_nothing(hosts: Any, caplog: pytest.LogCaptureFixture) -> None:
    hosts(None, None)
    it = hanging(running(), EMPTIED)
    with caplog.at_level(logging.INFO):
        assert it.run_followed() == "recover"
    assert names(it) == []
    assert any("the source says nothing" in text for text in caplog.messages)
