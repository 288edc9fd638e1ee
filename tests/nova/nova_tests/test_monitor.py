"""The driver's monitor: what it makes of every course that a migration can take, and that it never loses
one.
"""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import libvirt
import pytest
from nova.conf import CONF
from nova.virt.libvirt import migration as nova_migration

from libvirt_migrate import MigrationCancelled, MigrationFailed
from libvirt_migrate.nova import convergence, monitor
from libvirt_migrate.nova.guest import JobInfo
from libvirt_migrate.nova.outcome import GuestLost

from .course import DONE, NONE, Look, after, course, ended, error, option, raised, returned, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]


def test_a_migration_that_succeeds() -> None:
    it = course(NONE, running(), running(2), returned, DONE)
    assert it.run() == "post"
    assert it.active_migrations == {}


def test_the_end_is_the_calls_return_and_not_the_statistics() -> None:
    """libvirt calls a job completed while the destination may still fail, and the guest come back."""
    it = course(running(), DONE)
    # The call fails a moment after the statistics have said that it is over.
    failing = threading.Timer(0.05, lambda: raised(ended(MigrationFailed, "source-running"))(it))
    failing.start()
    assert it.run() == "recover"
    failing.join()


def test_a_call_that_hangs_after_the_end_does_not_hold_up_nova(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked, libvirt's statistics are all there is."""
    monkeypatch.setattr(monitor, "CONFIRM_FOR", 0.05)
    monkeypatch.setattr(monitor, "clock", time.monotonic)
    it = course(running(), DONE)
    assert it.run() == "post"
    assert it.active_migrations == {}


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (ended(MigrationFailed, "source-running"), "recover"),
        (ended(MigrationFailed, "source-paused"), "recover"),
        (ended(MigrationCancelled, "source-running", libvirt.VIR_ERR_OPERATION_ABORTED), "recover cancelled"),
        (ended(MigrationFailed, "destination-running"), "post"),
        (ended(MigrationFailed, "destination-paused"), "post"),
        (ValueError("refused before anything was started"), "recover"),
    ],
)
def test_an_end_by_where_the_guest_is(failure: Exception, outcome: str) -> None:
    it = course(running(), raised(failure), NONE)
    assert it.run() == outcome
    assert it.active_migrations == {}


@pytest.mark.parametrize("location", ["unknown", "both-paused", "post-copy-broken"])
def test_a_guest_that_nobody_knows_the_place_of_is_not_cleaned_up_after(location: str) -> None:
    it = course(running(), raised(ended(MigrationFailed, location)), NONE)
    with pytest.raises(GuestLost, match=location):
        it.run()
    assert it.active_migrations == {}


def test_a_domain_that_vanishes_is_no_success_by_itself() -> None:
    gone = JobInfo(type=libvirt.VIR_DOMAIN_JOB_COMPLETED)
    gone.gone = True
    it = course(running(), gone, gone, raised(ended(MigrationFailed, "source-running")), gone)
    assert it.run() == "recover"
    it = course(running(), gone, gone, returned, gone)
    assert it.run() == "post"


def test_statistics_that_cannot_be_read_now_and_then_do_not_end_the_watch() -> None:
    hiccup = error(libvirt.VIR_ERR_INTERNAL_ERROR)
    it = course(hiccup, running(), hiccup, hiccup, running(2), returned, hiccup)
    assert it.run() == "post"
    assert it.active_migrations == {}


def test_a_database_that_cannot_be_written_does_not_end_the_watch() -> None:
    def fail() -> None:
        raise OSError("no database")

    it = course(running(), running(2), returned, DONE)
    it.save_error = fail
    assert it.run() == "post"


def test_an_unknown_job_type_is_passed_over() -> None:
    it = course(running(), JobInfo(type=99), running(2), returned, DONE)
    assert it.run() == "post"


def test_the_timeout_aborts_once() -> None:
    option("live_migration_completion_timeout", 10)
    aborted = ended(MigrationCancelled, "source-running", libvirt.VIR_ERR_OPERATION_ABORTED)
    late = [look for _ in range(6) for look in (after(5), running(3))]
    it = course(running(), *late, raised(aborted), NONE)
    assert it.run() == "recover cancelled"
    assert it.calls.count(("abort",)) == 1


def test_an_abort_that_is_refused_is_asked_for_again() -> None:
    option("live_migration_completion_timeout", 10)
    it = course(
        running(), after(30), running(2), after(30), running(3), after(30), running(4), returned, DONE
    )
    it.refuse = {"abort"}
    assert it.run() == "post"
    assert it.calls.count(("abort",)) > 1


@pytest.mark.parametrize(("post_copy", "expected"), [(True, "post-copy"), (False, "pause")])
@pytest.mark.parametrize("policy", ["adaptive", "schedule"])
def test_the_timeout_forces_by_what_is_permitted(policy: str, post_copy: bool, expected: str) -> None:
    CONF.set_override("policy", policy, "libvirt_migrate")
    option("live_migration_completion_timeout", 10)
    option("live_migration_timeout_action", "force_complete")
    late = [look for _ in range(6) for look in (after(5), running(3))]
    it = course(running(), *late, returned, DONE, post_copy=post_copy)
    assert it.run() == "post"
    assert it.calls.count((expected,)) == 1
    assert ("abort",) not in it.calls
    assert (it.migration.status == "running (post-copy)") == post_copy


def test_a_guest_that_was_paused_goes_on_after_a_failure() -> None:
    it = course(
        lambda it: it.active_migrations["uuid"].append("force-complete"),
        running(),
        raised(ended(MigrationFailed, "source-paused")),
        NONE,
    )
    assert it.run() == "recover"
    assert [call[0] for call in it.calls if call[0] != "downtime"] == ["pause", "resume"]


def test_a_guest_that_the_policy_paused_goes_on_after_a_failure() -> None:
    option("live_migration_completion_timeout", 10)
    option("live_migration_timeout_action", "force_complete")
    late = [look for _ in range(3) for look in (after(15), running(3))]
    it = course(running(), *late, raised(ended(MigrationFailed, "source-paused")), NONE)
    assert it.run() == "recover"
    assert [call[0] for call in it.calls if call[0] != "downtime"] == ["pause", "resume"]


def test_a_force_complete_that_comes_at_the_end_does_nothing() -> None:
    it = course(
        running(),
        returned,
        lambda it: it.active_migrations["uuid"].append("force-complete"),
        DONE,
        post_copy=True,
    )
    assert it.run() == "post"
    assert ("post-copy",) not in it.calls


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    it = course(running(), after(-5000), running(2), after(10), running(3), returned, DONE)
    assert it.run() == "post"


@pytest.mark.parametrize("data_gb", [2.0, 3.5, 20.0])
def test_the_schedule_sets_novas_own_steps(data_gb: float) -> None:
    """Against Nova's list and Nova's function, over the time that all its steps take."""
    CONF.set_override("policy", "schedule", "libvirt_migrate")
    option("live_migration_completion_timeout", 0)
    delay = int(CONF.libvirt.live_migration_downtime_delay * data_gb)
    times = [0.5 * step for step in range(int(delay * 2 * 10.5))][:: max(1, int(delay / 7))]
    looks: list[Look] = []
    for before, now in zip([0.0, *times], times, strict=False):
        looks += [after(now - before), running(2)]
    it = course(*looks, returned, DONE, data_gb=data_gb)
    assert it.run() == "post"

    expected: list[int] = []
    guest = SimpleNamespace(migrate_configure_max_downtime=expected.append)
    current, steps = None, list(nova_migration.downtime_steps(data_gb))
    for now in times:
        current = nova_migration.update_downtime(guest, it.instance, current, steps, now)
    assert [call[1] for call in it.calls if call[0] == "downtime"] == expected
    assert len(expected) > 3


def test_the_intent_stays_within_novas_options() -> None:
    option("live_migration_downtime", 700)
    option("live_migration_completion_timeout", 100)
    wanted = convergence.intent(3.0, True)
    assert (wanted.policy, wanted.max_downtime, wanted.deadline) == ("adaptive", 0.7, 300)
    assert not wanted.post_copy, "permitted is not automatic"
    option("live_migration_completion_timeout", 0)
    assert convergence.intent(3.0, True).deadline is None
