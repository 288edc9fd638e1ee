"""A live migration that nova-compute left: what is done about it, with real Nova objects and a journal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nova import objects

from libvirt_migrate.nova import adopting, release, steps
from libvirt_migrate.nova import call as calls
from libvirt_migrate.nova.keeper import store
from libvirt_migrate.nova.outcome import GuestLost
from libvirt_migrate.nova.verdict import Phase

from .leaving import BOTH, DESTINATION, RUNS, SOURCE, UNKNOWN, UUID, Look, Scene, nova_compute

pytestmark = pytest.mark.nova


@pytest.fixture(autouse=True)
def _nova(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    yield from nova_compute(monkeypatch, tmp_path)


def test_a_guest_that_has_moved_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep()
    scene.see_to()
    [(_, dest, block, data, devices)] = scene.calls
    assert (dest, block, data.migration) == ("c2", True, scene.migration)
    # What nobody else knows any more is as it was before the call.
    assert (str(data.graphics_listen_addr_vnc), data.is_shared_instance_path) == ("10.0.0.2", False)
    assert [device.connection_info for device in devices] == ['{"password": "of-a-volume"}']
    assert (scene.kept, calls.of_uuid(UUID), scene.driver.active_migrations) == ([], None, {})


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "failed"),
        ({"aborted": True}, "cancelled"),
        ({"phase": Phase.ROLLBACK, "status": "cancelled"}, "cancelled"),
    ],
)
def test_a_guest_that_stayed_is_rolled_back(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], status: str
) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.keep(**fields)
    scene.see_to()
    # Not at the first look: a job may be about to begin.
    assert scene.calls[:2] == [adopting.PAUSE] * 2
    assert scene.steps == [f"rollback {status}"]
    assert scene.kept == []


def test_a_guest_that_force_complete_has_paused_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, ("source-paused", True, False))
    scene.keep()
    # Paused, by somebody.
    scene.paused = (3, 1)
    scene.see_to()
    assert scene.steps == ["resume", "rollback failed"]


def test_a_job_that_begins_late_is_not_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, SOURCE, SOURCE, RUNS)
    scene.keep()
    steered: list[Any] = []
    monkeypatch.setattr(steps.Steps, "_steer", lambda self, *_: steered.append(self._keeper.journal.uri))
    scene.see_to()
    assert steered == ["qemu+tcp://10.0.0.2/system"]
    assert scene.steps == []


def test_steps_that_were_cut_off_are_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep()

    phases: list[Phase | None] = []

    def killed() -> None:
        kept = store().read(UUID, release.version())
        phases.append(kept.phase if kept is not None else None)
        raise SystemExit

    scene.on_post = killed
    with pytest.raises(SystemExit):
        scene.see_to()
    assert (scene.kept, phases) == ([UUID], [Phase.POST])
    scene.on_post = scene._arrive
    scene.see_to()
    assert scene.steps == ["post", "post"]
    assert scene.kept == []


def test_only_the_record_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep(phase=Phase.POST)
    scene.instance.host, scene.instance.task_state = "c2", None
    scene.see_to()
    assert scene.steps == ["delete allocation"]
    assert scene.migration.status == "completed"

    scene = Scene(monkeypatch, SOURCE)
    scene.keep(phase=Phase.ROLLBACK, status="cancelled")
    scene.instance.task_state = None
    scene.see_to()
    assert (scene.steps, scene.migration.status) == ([], "cancelled")
    assert scene.kept == []


def test_what_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.keep()
    scene._rest()
    scene.see_to()
    assert (scene.steps, scene.kept) == ([], [])
    scene = Scene(monkeypatch, SOURCE)
    scene.keep()
    scene.deleted = True
    scene.see_to()
    assert (scene.steps, scene.kept) == ([], [])


@pytest.mark.parametrize("look", [UNKNOWN, BOTH, ("post-copy-broken", True, False)])
def test_nothing_is_touched_where_nobody_knows(monkeypatch: pytest.MonkeyPatch, look: Look) -> None:
    scene = Scene(monkeypatch, *[look] * 5, DESTINATION)
    scene.keep()
    states: list[Any] = []
    arrive, slept = scene.on_post, scene.slept

    def tell() -> None:
        states.append((scene.instance.vm_state, scene.instance.task_state))

    def post() -> None:
        tell()
        arrive()

    def sleep(seconds: float) -> None:
        tell()
        slept(seconds)

    scene.on_post = post
    monkeypatch.setattr(adopting, "sleep", sleep)
    scene.see_to()
    # In ERROR, and migrating still: Nova's API refuses a hard reboot of that.
    assert states[-2] == ("error", "migrating")
    [fault] = scene.faults
    assert look[0] in fault
    assert scene.calls[-2] == adopting.LONG_PAUSE
    # As soon as it is known, it is put right.
    assert scene.steps == ["post"]
    assert states[-1] == ("active", "migrating")


def test_a_journal_against_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Post steps had begun, which need the guest at the destination.
    scene = Scene(monkeypatch, *[SOURCE] * 5, DESTINATION)
    scene.keep(phase=Phase.POST)
    scene.see_to()
    assert len(scene.faults) == 1
    assert scene.steps == ["post"]


def test_steps_that_fail_end_as_novas(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep()

    def fails() -> None:
        scene.instance.host = "c2"
        raise RuntimeError("the destination does not answer")

    scene.on_post = fails
    scene.see_to()
    assert (scene.instance.vm_state, scene.instance.task_state) == ("error", None)
    assert scene.migration.status == "error"
    assert scene.faults == ["the destination does not answer"]
    # The guest has left: nothing stays reserved for it.
    assert scene.steps == ["post", "delete allocation"]
    assert scene.kept == []


def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep()
    times = 0

    def get(*_: Any, **__: Any) -> Any:
        nonlocal times
        times += 1
        if times < 4:
            raise RuntimeError("the database is away")
        return scene.instance

    monkeypatch.setattr(objects.Instance, "get_by_uuid", get)
    scene.see_to()
    assert scene.steps == ["post"]


def test_a_guest_that_is_lost_while_it_is_followed_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, RUNS, DESTINATION)
    scene.keep()

    def lost(*_: Any) -> None:
        raise GuestLost("unknown", None)

    monkeypatch.setattr(steps.Steps, "_steer", lost)
    scene.see_to()
    assert scene.steps == ["post"]


def test_a_migration_that_is_begun_anew_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.keep()
    claim = calls.claim(UUID)
    calls.claim(UUID)
    adopting.Left(scene.driver, scene.compute, None, UUID, claim).see_to()
    assert (scene.steps, scene.kept) == ([], [UUID])


# Without a journal.


def test_without_a_journal_the_host_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.devices = [objects.BlockDeviceMapping(id=3, destination_type="volume", connection_info="{}")]
    scene.see_to()
    [(_, dest, block, data, devices)] = scene.calls
    assert (dest, block, data.is_shared_instance_path, data.is_shared_block_storage) == (
        "c2",
        True,
        False,
        False,
    )
    # How the source reached its volumes nobody knows.
    assert list(devices) == []


def test_without_a_journal_a_guest_that_stayed(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.see_to()
    assert scene.steps == ["rollback failed"]
    scene = Scene(monkeypatch, SOURCE)
    scene.devices = [objects.BlockDeviceMapping(id=3, destination_type="volume", connection_info="{}")]
    scene.see_to()
    assert scene.steps == ["revert allocation", "reset"]


def test_a_journal_that_is_not_one_is_told_without_its_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(monkeypatch, DESTINATION)
    scene.keep()
    [path] = tmp_path.rglob("*.json")
    path.write_text(path.read_text()[:-20])
    with caplog.at_level(logging.DEBUG):
        scene.see_to()
    assert "The journal of the live migration is not used: it is not whole" in caplog.text
    assert "of-a-volume" not in caplog.text
    assert scene.steps == ["post"]
    assert scene.kept == []
