"""A live migration that runs is kept for a restart of nova-compute, until Nova knows its end."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.nova import driver, keeper, release
from libvirt_migrate.nova.keeper import store

from .course import course
from .leaving import SOURCE, UUID, Scene, nova_compute
from .test_driver import Data, Driver

pytestmark = pytest.mark.nova


@pytest.fixture(autouse=True)
def _nova(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    yield from nova_compute(monkeypatch, tmp_path)


@pytest.mark.usefixtures("_fast_monitor")
@pytest.mark.parametrize("fails", [False, True])
def test_a_migration_is_kept_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    it = Driver(course(), None)
    # As a real instance and real data; the course's are told to the monitor only.
    scene = Scene(monkeypatch, SOURCE)
    scene.keep()
    journal = store().read(UUID, release.version())
    store().remove(UUID)
    it.it.instance.uuid = UUID
    seen: list[Any] = []

    def journal_of(*_: Any) -> Any:
        if fails:
            raise RuntimeError("of-a-volume")
        return journal

    def migrate(destination: str, **_: Any) -> None:
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.json"))
        it.it.guest.migration_destination = destination

    monkeypatch.setattr(keeper, "journal_of", journal_of)
    it.it.guest.migrate = migrate
    phases: list[Any] = []

    def post(*_: Any) -> None:
        kept = store().read(UUID, release.version())
        phases.append(kept and kept.phase.value)

    data = Data(migration=it.it.migration, block_migration=False, serial_listen_addr="127.0.0.1")
    driver.live_migration(it, None, it.it.instance, "dest", post, None, False, data)
    assert seen == ([] if fails else [0o600])
    assert phases == [None if fails else "post"]
    assert store().instances() == []


@pytest.mark.usefixtures("_fast_monitor")
@pytest.mark.parametrize(("left", "placement_is_away"), [(True, False), (True, True), (False, False)])
def test_nothing_stays_reserved_where_the_destination_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, left: bool, placement_is_away: bool
) -> None:
    it = Driver(course(), None)
    scene = Scene(monkeypatch, SOURCE)
    it.virtapi = scene.driver.virtapi
    deleted: list[Any] = []

    def delete(_context: Any, _instance: Any, migration: Any) -> None:
        deleted.append(migration)
        if placement_is_away:
            raise RuntimeError("placement is away")

    def post(*_: Any) -> None:
        # As Nova's own, which has the host right before it raises.
        it.it.instance.host = "dest" if left else "c1"
        raise TimeoutError("the destination does not answer")

    def migrate(destination: str, **_: Any) -> None:
        it.it.guest.migration_destination = destination

    monkeypatch.setattr(scene.compute, "_delete_allocation_after_move", delete)
    it.it.guest.migrate = migrate
    data = Data(migration=it.it.migration, block_migration=False, serial_listen_addr="127.0.0.1")
    with pytest.raises(TimeoutError):
        driver.live_migration(it, None, it.it.instance, "dest", post, None, False, data)
    assert deleted == ([it.it.migration] if left else [])
