"""Where Nova's start-up is told what is taken over, by each release's own method; and what is kept before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nova import objects
from nova.compute import manager
from nova.conf import CONF
from nova.virt.libvirt import driver as nova_driver

from libvirt_migrate.nova import adopting, ends, fits, keeper, overrides, release, takeover
from libvirt_migrate.nova import call as calls
from libvirt_migrate.nova.journal import Store

from .leaving import CONTEXT, SOURCE, UUID, Scene, nova_compute

pytestmark = pytest.mark.nova


@pytest.fixture(autouse=True)
def _nova(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    yield from nova_compute(monkeypatch, tmp_path)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instances that are seen to, at once; no thread is begun."""
    found: list[str] = []

    def apart(function: Any, driver: Any, what: Any, *_: Any) -> None:
        if function is takeover._take_over:
            found.append(what)
        else:
            function(driver, what)

    monkeypatch.setattr(takeover, "_apart", apart)
    monkeypatch.setattr(adopting.Left, "see_to", lambda self: found.append(f"rest {self._uuid}"))
    monkeypatch.setattr(takeover, "migration_of", lambda _, instance: instance.found)
    return found


def instance(uuid: str, task: str | None, status: str | None = None) -> Any:
    """As Nova's start-up has loaded it, with the status of its live migration."""
    found = objects.Instance(CONTEXT, uuid=uuid, host="c1")
    found.task_state = task
    found.found = None if status is None else SimpleNamespace(status=status)
    return found


OTHER, QUEUED, POST_COPY = (UUID.replace("0001", number) for number in ("0002", "0003", "0004"))
#: The uuid, the task, the status of the migration, and whether it is taken over.
FOUND = [
    (UUID, "migrating", "running", True),
    (OTHER, None, None, False),
    # libvirt has not been asked: the order for it may still be in Nova's queue.
    (QUEUED, "migrating", "preparing", False),
    (POST_COPY, "migrating", "running (post-copy)", True),
]


def start(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> list[str]:
    """Nova's start-up, as this release does it; the instances that it looks at itself."""
    looked: list[str] = []
    instances = [instance(*found[:3]) for found in FOUND]
    replaced = {name: replacement for _, name, replacement in takeover.seams()}
    if release.major() >= 34:
        monkeypatch.setattr(
            nova_driver.LibvirtDriver, "process_instances_at_startup", lambda _, __, given: given
        )
        hook = replaced["process_instances_at_startup"]
        rest = hook(scene.driver, CONTEXT, objects.InstanceList(CONTEXT, objects=instances))
        return [found.uuid for found in rest]
    monkeypatch.setattr(
        manager.ComputeManager, "_init_instance", lambda _, __, given: looked.append(given.uuid)
    )
    compute = SimpleNamespace(host="c1", driver=scene.driver)
    for found in instances:
        replaced["_init_instance"](compute, CONTEXT, found)
    return looked


def test_start_up_is_not_given_what_is_taken_over(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.driver.active_migrations.clear()
    assert start(monkeypatch, scene) == [uuid for uuid, *_, taken in FOUND if not taken]
    assert seen == [uuid for uuid, *_, taken in FOUND if taken]
    # An abort and a force-complete that come now find it.
    assert set(scene.driver.active_migrations) == set(seen)
    assert all(calls.of_uuid(uuid) is not None for uuid in seen)
    calls.release(POST_COPY)


def test_a_journal_is_enough(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> None:
    scene = Scene(monkeypatch, SOURCE)
    scene.keep()
    # The database knows nothing of it.
    assert takeover.withhold(scene.driver, CONTEXT, instance(UUID, "migrating"))


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> None:
    CONF.set_override("take_over", False, "libvirt_migrate")
    scene = Scene(monkeypatch, SOURCE)
    assert start(monkeypatch, scene) == [uuid for uuid, *_ in FOUND]
    assert seen == []
    kept = keeper.Keeper(scene.instance)
    kept.begin(scene.driver, "c2", True, None, None)
    assert (kept.journal, scene.kept) == (None, [])


def test_a_database_that_does_not_answer_stops_no_start(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("away")

    monkeypatch.setattr(takeover, "migration_of", fails)
    assert takeover.withhold(Scene(monkeypatch, SOURCE).driver, CONTEXT, instance(UUID, "migrating"))
    assert seen == [UUID]


def test_journals_that_no_instance_is_left_of(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> None:
    began: list[Any] = []
    monkeypatch.setattr(nova_driver.LibvirtDriver, "init_host", lambda _, host: began.append(host))
    scene = Scene(monkeypatch, SOURCE)
    takeover.init_host(scene.driver, "c1")
    assert (began, seen) == (["c1"], [])
    scene.keep()
    takeover.init_host(scene.driver, "c1")
    assert seen == [f"rest {UUID}"]
    # One that the start-up has come by is not seen to twice.
    calls.claim(UUID)
    takeover.init_host(scene.driver, "c1")
    assert seen == [f"rest {UUID}"]


def test_journals_that_cannot_be_listed_stop_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[Any] = []
    monkeypatch.setattr(nova_driver.LibvirtDriver, "init_host", lambda _, host: began.append(host))
    monkeypatch.setattr(Store, "instances", lambda _: 1 / 0)
    takeover.init_host(Scene(monkeypatch, SOURCE).driver, "c1")
    assert began == ["c1"]


def test_the_seams_fit_this_release() -> None:
    assert fits.misfits(takeover.seams()) == []
    names = {str(override).rpartition(".")[2] for override in overrides.plan()}
    assert ("process_instances_at_startup" in names) is (release.major() >= 34)
    assert ("_init_instance" in names) is (release.major() < 34)


def test_the_first_releases_of_25_and_26_have_the_inner_post_steps_alone() -> None:
    assert ends.post_steps(SimpleNamespace(_post_live_migration=None)) == "_post_live_migration"
    both = SimpleNamespace(_post_live_migration=None, _post_live_migration_update_host=None)
    assert ends.post_steps(both) == "_post_live_migration_update_host"
