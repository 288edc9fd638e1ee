"""Faults at the switchover: all of the memory has been sent, and the guest stands still at either side."""

from __future__ import annotations

import time

from libvirt_migrate.lab import faults

from .case import case
from .in_precopy import GOES_ON
from .in_setup import AGAIN
from .judge import all_is_well, arrives, ended, stays
from .scene import NAME, Scene, Told, eventually

#: What settles it where a daemon's death has left it open.
RECOVER = "guest.recover(destination=…): it looks which side is whole, and removes or resumes the other."


TWINS = (
    "libvirt cannot: it loses the destination's answer and has the guest go on at both hosts, which it "
    "leaves to lock managers. The source is paused at once and nothing is ended: find out which one was "
    'used since, and recover(keep="destination") or recover(keep="source").'
)


def settle(scene: Scene, told: Told) -> None:
    """Recovers where our word is not that the guest runs, and has everything checked where it is."""
    if told.place not in ("source-running", "destination-running"):
        told = scene.recover()
        assert told.error is None, told.error
    host = {"source-running": scene.source, "destination-running": scene.destination}[told.place]
    all_is_well(scene, host)


@case(
    "switchover",
    "source's QEMU killed",
    "Nothing where it has gone on at the destination. Otherwise start it at the source.",
)
def switchover_source_qemu_killed(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.kill_qemu(scene.source, NAME)
    time.sleep(0.5)
    scene.signal(scene.destination, "CONT")
    told = scene.told()
    if told.place == "destination-running":
        # All of its memory was there.
        arrives(scene, told)
    else:
        ended(scene, scene.source)


@case("switchover", "destination's QEMU killed", AGAIN)
def switchover_destination_qemu_killed(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.kill_qemu(scene.destination, NAME)
    scene.signal(scene.destination, "CONT")
    stays(scene, scene.told(), "closed the monitor|not running|[Dd]omain")


@case("switchover", "source's daemon killed", RECOVER, quick=True)
def switchover_source_daemon_killed(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.kill_daemon(scene.source)
    scene.signal(scene.destination, "CONT")
    time.sleep(0.5)
    scene.source.start_daemon()
    settle(scene, scene.told())


@case("switchover", "destination's daemon killed", RECOVER, quick=True)
def switchover_destination_daemon_killed(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.kill_daemon(scene.destination)
    told = scene.told()
    scene.destination.start_daemon()
    settle(scene, told)


@case("switchover", "both daemons killed", RECOVER)
def switchover_both_daemons_killed(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.kill_daemon(scene.destination)
    faults.kill_daemon(scene.source)
    scene.destination.start_daemon()
    scene.source.start_daemon()
    settle(scene, scene.told())


def chosen(scene: Scene, told: Told) -> None:
    """libvirt had the guest go on at both hosts: we have paused it at the source, and keep the other one."""
    assert told.place == "destination-running", told
    assert told.error is not None
    assert told.error.outcome is not None
    assert "pause-source" in [decision.action for decision in told.error.outcome.decisions]
    advice = scene.recover()
    assert "keep=" in str(advice.error)
    kept = scene.recover(keep="destination")
    assert kept.error is None, kept.error
    # Both have told how far they were.
    scene.guest.beats.forget()
    all_is_well(scene, scene.destination)


@case("switchover", "connection of the daemons reset", TWINS)
def switchover_control_reset(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    # What the source has asked for is with the destination already; the answer is lost.
    faults.reset(scene.source, faults.CONTROL, peer=scene.destination.address)
    scene.signal(scene.destination, "CONT")
    told = scene.told()
    domain = scene.guest.domain(scene.destination)
    eventually(lambda: domain.state()[0] == 1, "it runs at the destination")
    if told.place == "source-running":
        # It had not gone on there yet when we looked.
        told = scene.recover()
        assert "keep=" in str(told.error)
        kept = scene.recover(keep="destination")
        assert kept.error is None, kept.error
        scene.guest.beats.forget()
        all_is_well(scene, scene.destination)
    else:
        chosen(scene, told)


@case("switchover", "connection of the daemons dropped", TWINS)
def switchover_control_dropped(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.drop(scene.source, faults.CONTROL, peer=scene.destination.address)
    scene.signal(scene.destination, "CONT")
    told = scene.told()
    faults.heal(scene.source)
    chosen(scene, told)


@case("switchover", "connection of the caller reset", GOES_ON)
def switchover_caller_reset(scene: Scene) -> None:
    scene.at_switchover()
    scene.now()
    faults.reset(scene.source, faults.CONTROL, peer=scene.machine)
    scene.signal(scene.destination, "CONT")
    arrives(scene, scene.told())
