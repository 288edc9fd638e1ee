"""Faults while memory moves: the guest runs at the source, and all of it is there."""

from __future__ import annotations

import re
import time

from libvirt_migrate import Convergence
from libvirt_migrate.lab import faults

from .case import case
from .in_setup import AGAIN, START
from .judge import arrives, ended, stays
from .scene import NAME, Scene

GOES_ON = "Nothing: the migration is followed over a new connection, and told as if nothing had been."


@case("pre-copy", "source's QEMU killed", START)
def precopy_source_qemu_killed(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.kill_qemu(scene.source, NAME)
    told = scene.told()
    assert re.search("domain is not running", str(told.error)), told.error
    assert told.place == "source-shut-off", told
    ended(scene, scene.source)


@case("pre-copy", "destination's QEMU killed", AGAIN, quick=True)
def precopy_destination_qemu_killed(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.kill_qemu(scene.destination, NAME)
    stays(scene, scene.told(), "qemu unexpectedly closed the monitor|Unable to write to socket")


@case("pre-copy", "source's daemon killed", "Start the daemon; its guests run on. Migrate again.")
def precopy_source_daemon_killed(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.kill_daemon(scene.source)
    time.sleep(1)
    scene.source.start_daemon()
    stays(scene, scene.told(), "End of file while reading data|Connection reset|closed")


@case("pre-copy", "source's daemon restarted", "Migrate again.")
def precopy_source_daemon_restarted(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.restart_daemon(scene.source)
    stays(scene, scene.told(), "End of file while reading data|Connection reset|closed|cancel|client")


@case("pre-copy", "destination's daemon killed", AGAIN)
def precopy_destination_daemon_killed(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.kill_daemon(scene.destination)
    told = scene.told()
    scene.destination.start_daemon()
    stays(scene, told, "client socket is closed|End of file")


@case("pre-copy", "destination's daemon restarted", AGAIN)
def precopy_destination_daemon_restarted(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.restart_daemon(scene.destination)
    stays(scene, scene.told(), "client socket is closed|End of file")


@case("pre-copy", "data connection reset", AGAIN)
def precopy_data_reset(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.reset(scene.destination, faults.DATA)
    stays(scene, scene.told(), "Unable to write to socket|load of migration failed|closed the monitor")


@case(
    "pre-copy",
    "data connection dropped",
    "Give a deadline, or abort: neither QEMU nor libvirt notices before TCP does, in a quarter of an hour.",
)
def precopy_data_dropped(scene: Scene) -> None:
    scene.in_precopy(convergence=Convergence(max_downtime=0.001, deadline=6))
    scene.now()
    faults.drop(scene.destination, faults.DATA)
    told = scene.told()
    faults.heal(scene.destination)
    stays(scene, told, "canceled by client")


@case("pre-copy", "connection of the daemons reset", AGAIN)
def precopy_control_reset(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.reset(scene.destination, faults.CONTROL, peer=scene.source.address)
    stays(scene, scene.told(), "client socket is closed|End of file|Connection reset")


@case("pre-copy", "connection of the daemons dropped", AGAIN + " libvirt's keepalive takes half a minute.")
def precopy_control_dropped(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.drop(scene.destination, faults.CONTROL, peer=scene.source.address)
    told = scene.told()
    faults.heal(scene.destination)
    stays(scene, told, "client socket is closed|keepalive")


@case("pre-copy", "connection of the caller reset", GOES_ON, quick=True)
def precopy_caller_reset(scene: Scene) -> None:
    scene.in_precopy()
    scene.now()
    faults.reset(scene.source, faults.CONTROL, peer=scene.machine)
    assert scene.migration is not None
    # It is still in our hands.
    scene.reach(lambda migration: migration.set_max_downtime(2))
    scene.reach(lambda migration: migration.set_bandwidth(0))
    told = scene.told()
    assert told.outcome is not None
    assert "reconnect" in [decision.action for decision in told.outcome.decisions]
    arrives(scene, told)


@case("pre-copy", "connection of the caller dropped for 35 s", GOES_ON)
def precopy_caller_dropped(scene: Scene) -> None:
    scene.in_precopy()
    scene.source.close()
    scene.now()
    faults.drop(scene.source, faults.CONTROL, peer=scene.machine)
    # Longer than keepalive takes to give the connection up.
    time.sleep(35)
    faults.heal(scene.source)
    scene.reach(lambda migration: migration.set_max_downtime(2))
    scene.reach(lambda migration: migration.set_bandwidth(0))
    arrives(scene, scene.told())


@case(
    "pre-copy",
    "link slowed to a crawl",
    "Give a deadline, or allow post-copy or throttling before it is needed: no wait will do.",
)
def precopy_link_slow(scene: Scene) -> None:
    scene.in_precopy(convergence=Convergence(max_downtime=0.3, deadline=8))
    scene.now()
    faults.slow(scene.source, 400)
    told = scene.told()
    faults.unslow(scene.source)
    # QEMU may tell of the connection that the abort cuts.
    stays(scene, told, "canceled by client|Broken pipe")
