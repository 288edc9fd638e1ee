"""What is done to a migration while it runs, by operators and by the policy, and what the log says of it."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import libvirt
import pytest

from libvirt_migrate import MigrationFailed
from libvirt_migrate.nova import monitor
from libvirt_migrate.nova.guest import JobInfo

from .course import DONE, GIB, NONE, Course, Look, after, course, ended, option, raised, returned, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]


def late(*stats: Any) -> list[Look]:
    """Looks far behind every deadline."""
    return [look for number in range(4) for look in (after(5000), running(number + 2))]


def forced(it: Course) -> None:
    """An operator's force-complete."""
    it.active_migrations["uuid"].append("force-complete")


@pytest.mark.parametrize("post_copy", [True, False])
@pytest.mark.parametrize("action", ["abort", "force_complete"])
def test_a_migration_that_an_operator_forces_is_not_ended_by_the_policy(action: str, post_copy: bool) -> None:
    option("live_migration_timeout_action", action)
    it = course(running(), forced, running(2), *late(), returned, DONE, post_copy=post_copy)
    assert it.run_followed() == "post"
    done = [call[0] for call in it.calls if call[0] != "downtime"]
    assert done == ["post-copy" if post_copy else "pause"]


def test_a_force_waits_until_something_moves() -> None:
    """A guest that is paused before libvirt has looked at it would stand still at the destination."""
    seen: list[list[str]] = []

    def look(it: Course) -> None:
        seen.append([call[0] for call in it.calls if call[0] != "downtime"])

    connecting = JobInfo(type=libvirt.VIR_DOMAIN_JOB_UNBOUNDED, memory_total=0, disk_total=0)
    it = course(forced, connecting, connecting, look, running(), look, running(2), returned, DONE)
    assert it.run_followed() == "post"
    assert seen == [[], ["pause"]]


def test_a_force_that_libvirt_refuses_leaves_the_migration_to_the_policy() -> None:
    it = course(running(), forced, running(2), *late(), returned, DONE, post_copy=True)
    it.refuse = {"post-copy"}
    it.run_followed()
    assert ("abort",) in it.calls


@pytest.mark.parametrize("state", [(3, 2), (3, 12)], ids=["switchover", "post-copy"])
def test_nothing_is_done_to_a_guest_that_has_stopped_here(state: tuple[int, int]) -> None:
    it = course(running(), lambda it: setattr(it, "state", state), *late(), returned, DONE)
    assert it.run_followed() == "post"
    assert ("abort",) not in it.calls


def test_a_step_of_the_wall_clock_ends_nothing() -> None:
    """It is not looked at: the fixture's clock stands in for this one in all other tests."""
    assert CLOCK is time.monotonic


#: The one in force without any test.
CLOCK = monitor.clock


def test_every_line_has_the_instance(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever happens: a decision, a refusal, a fault, progress, the end."""

    failure = raised(ended(MigrationFailed, "source-running"))
    defect = RuntimeError("a defect")
    it = course(running(), defect, *late(), forced, running(9), after(40), running(10), failure, NONE)
    it.refuse = {"abort", "pause"}
    it.save_error = lambda: (_ for _ in ()).throw(OSError("no database"))
    with caplog.at_level(logging.DEBUG):
        assert it.run_followed() == "recover"
    assert len(caplog.records) > 6
    for record in caplog.records:
        assert getattr(record, "instance", None) is it.instance, record.getMessage()


def messages(it: Course, caplog: pytest.LogCaptureFixture, outcome: str = "post") -> list[str]:
    with caplog.at_level(logging.DEBUG):
        assert it.run_followed() == outcome
    return [record.getMessage() for record in caplog.records]


def test_figures_are_the_jobs(caplog: pytest.LogCaptureFixture) -> None:
    disks = {"disk_total": GIB, "disk_processed": GIB // 4, "disk_remaining": 3 * GIB // 4}
    it = course(running(7, GIB // 2, **disks), after(12), running(8, GIB // 4, **disks), returned, DONE)
    told = messages(it, caplog)
    figures = (
        "memory 25% remaining (512.0 MiB of 2048.0 MiB), 1024.0 MiB sent, pass 7, "
        "disks 75% remaining (768.0 MiB of 1024.0 MiB)"
    )
    assert f"Migration running for 0 s: {figures}" in told
    end = next(text for text in told if "has completed" in text)
    assert re.fullmatch(r"Migration operation has completed after 12\.0 s \(memory 12% .* pass 8, .*\)", end)


def test_figures_that_nobody_knows_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    it = course(nothing_moved(), returned, NONE)
    told = messages(it, caplog)
    assert "Migration running for 0 s: nothing moved yet" in told
    assert not any(" 0 iterations" in text or "0.0 MiB" in text for text in told)


def nothing_moved() -> Any:
    """A job that has moved nothing."""
    info = running(0, 0)
    info.memory_total = info.memory_processed = info.memory_remaining = 0
    return info


def test_post_copy_and_a_pause_are_said(caplog: pytest.LogCaptureFixture) -> None:
    it = course(running(), forced, running(2), after(10), running(3), returned, DONE, post_copy=True)
    assert any(text.startswith("Migration in post-copy for 10 s: ") for text in messages(it, caplog))
    caplog.clear()
    it = course(running(), forced, running(2), after(10), running(3), returned, DONE)
    told = messages(it, caplog)
    assert any(text.startswith("Migration with the guest paused for 10 s: ") for text in told)


def test_the_event_thread_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Nova asks for the job on libvirt's event thread, where logging is forbidden."""
    from types import SimpleNamespace

    from libvirt_migrate.nova import guest as ours

    def fails() -> dict[str, Any]:
        raised = libvirt.libvirtError("no domain")
        raised.err = (libvirt.VIR_ERR_NO_DOMAIN, 0, "no domain", 2, None, None, None, -1, -1)
        raise raised

    for stats in (lambda: {"type": 0}, fails):
        domain = SimpleNamespace(
            jobStats=stats, name=lambda: "vm", migrateToURI3=lambda *_: None, UUIDString=lambda: "uuid"
        )
        with caplog.at_level(logging.DEBUG):
            ours.get_job_info(SimpleNamespace(_domain=domain))
    assert caplog.records == []
