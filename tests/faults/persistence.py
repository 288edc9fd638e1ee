"""A destination that cannot keep a definition, and what is written there in the end."""

from __future__ import annotations

import pytest

from libvirt_migrate import MigrationError
from libvirt_migrate.lab import faults

from .case import case
from .in_setup import AGAIN
from .judge import arrives, stays
from .scene import POST_COPY, Scene

CONFIG = "/etc/libvirt/qemu"


@case("persistence", "destination cannot write its configuration", AGAIN, quick=True)
def config_full(scene: Scene) -> None:
    scene.destination.run("mkdir", "-p", CONFIG)
    with faults.full_disk(scene.destination, CONFIG):
        scene.now()
        scene.begin(convergence=None, bandwidth=0)
        told = scene.told()
    stays(scene, told, "No space left on device")


@case("persistence", "destination's configuration becomes full in pre-copy", AGAIN)
def config_full_in_precopy(scene: Scene) -> None:
    scene.in_precopy()
    assert scene.migration is not None
    scene.destination.run("mkdir", "-p", CONFIG)
    with faults.full_disk(scene.destination, CONFIG):
        scene.now()
        scene.migration.set_max_downtime(5)
        scene.migration.set_bandwidth(0)
        told = scene.told()
    stays(scene, told, "No space left on device")


@case(
    "persistence",
    "destination cannot write its configuration, with post-copy",
    AGAIN
    + " The switch to post-copy is refused, in which libvirt would lose the guest by this. A configuration "
    "that fills up after that was looked at still loses it.",
)
def config_full_with_postcopy(scene: Scene) -> None:
    scene.in_precopy(flags=POST_COPY)
    assert scene.migration is not None
    scene.destination.run("mkdir", "-p", CONFIG)
    with faults.full_disk(scene.destination, CONFIG):
        scene.now()
        with pytest.raises(MigrationError, match="No space left on device"):
            scene.migration.force_complete()
        assert not scene.migration.done
        scene.migration.set_max_downtime(5)
        scene.migration.set_bandwidth(0)
        told = scene.told()
    stays(scene, told, "No space left on device")


@case(
    "persistence",
    "source cannot remove its configuration",
    "Nothing: the file is gone for libvirt all the same.",
)
def source_config_full(scene: Scene) -> None:
    scene.in_precopy()
    assert scene.migration is not None
    with faults.full_disk(scene.source, CONFIG):
        scene.now()
        scene.migration.set_max_downtime(5)
        scene.migration.set_bandwidth(0)
        told = scene.told()
        arrives(scene, told)
