"""A link that turns out to be slow: memory goes over it compressed, where both hosts take that."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from libvirt_migrate import Convergence, Migration
from libvirt_migrate.lab import Lab, Workload, faults
from releases.scene import Scene, check_moved, need_releases, stage

#: 100 Mbit/s.
LINK = 100_000
#: MiB of memory that compresses to a third. They take some 40 s over the link: a start again pays on hosts
#: that start slowly, too.
FILL = 512
TEXT = Workload(working_set=4, rest=1000, fill=FILL, text=True)


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A guest, and a host of another release where it is to go; the link between them is slow."""
    need_releases("trixie")
    with Lab(f"pytest-transport-{os.getpid()}", releases=("trixie", request.param)) as lab:
        source, destination = lab.hosts
        with stage(lab, source, destination, "text", TEXT, memory=FILL + 32) as made:
            faults.slow(source, LINK)
            yield made


def moved(scene: Scene) -> Migration:
    # Over a route of its own: of the one without an address other tests of this process may have learnt.
    params = scene.params(migrate_uri=f"tcp://{scene.destination.address}")
    migration = scene.ours.start_migration(params, convergence=Convergence(choose_transport=True))
    migration.result(120)
    check_moved(scene)
    return migration


@pytest.mark.parametrize("scene", ["trixie"], indirect=True)
def test_it_is_started_again_compressed(scene: Scene) -> None:
    migration = moved(scene)
    decisions = migration.decisions
    restarts = [each for each in decisions if each.action == "restart-compressed"]
    assert len(restarts) == 1, decisions
    (decision,) = restarts
    assert decision.error is None
    assert "over 2 connections" in decision.description
    assert "the processors compress faster than that" in decision.reason
    # A third of it is what was sent.
    assert migration.result().bytes < 0.6 * (FILL << 20)
    assert migration.result().guest_location == "destination-running"


@pytest.mark.parametrize("scene", [""], indirect=True)
def test_an_older_destination_has_it_go_on(scene: Scene) -> None:
    migration = moved(scene)
    assert "restart-compressed" not in [each.action for each in migration.decisions]
    assert migration.result().bytes > 0.9 * (FILL << 20)
