"""Faults in post-copy: the guest runs at the destination, and needs memory that only the source has."""

from __future__ import annotations

import threading
import time

import pytest

from libvirt_migrate import Guest
from libvirt_migrate.lab import faults

from .case import case
from .in_precopy import GOES_ON
from .judge import all_is_well, arrives, is_defined_only_at, reboots
from .scene import NAME, Scene, eventually

RECOVER = "guest.recover(destination=…): it goes on where it broke, and no memory is lost."
LOST = (
    "Neither libvirt nor QEMU can save it: part of its memory is gone, as in a power failure. recover() says "
    "so and changes nothing. Destroy what is left and start the guest again from its disks."
)
WITHOUT = "Nothing: QEMU goes on without it, and the end is waited for."
DEAF = (
    "libvirt cannot have a destination let go of a dead connection: end it there with ss -K, as recover() "
    "says, and recover again. Destroy neither side."
)


def recovered(scene: Scene) -> None:
    """Recovery makes the guest whole at the destination."""
    told = scene.recover()
    assert told.error is None, told.error
    assert told.place == "destination-running"
    all_is_well(scene, scene.destination)


@case("post-copy", "source's QEMU killed", LOST)
def postcopy_source_qemu_killed(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.kill_qemu(scene.source, NAME)
    told = scene.told()
    assert told.place == "post-copy-broken", told
    advice = scene.recover()
    assert "destroy it at the destination" in str(advice.error)
    # The advice holds.
    for host, ends in ((scene.destination, "destroy"), (scene.destination, "undefine")):
        getattr(scene.guest.domain(host), ends)()
    is_defined_only_at(scene, scene.source)
    reboots(scene, scene.source)
    all_is_well(scene, scene.source)


@case("post-copy", "destination's QEMU killed", LOST)
def postcopy_destination_qemu_killed(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.kill_qemu(scene.destination, NAME)
    told = scene.told()
    assert told.place == "post-copy-broken", told
    advice = scene.recover()
    assert "Do not resume it: destroy it at the source" in str(advice.error)
    scene.guest.domain(scene.source).destroy()
    scene.guest.domain(scene.source).undefine()
    is_defined_only_at(scene, scene.destination)
    reboots(scene, scene.destination)
    all_is_well(scene, scene.destination)


@case("post-copy", "source's daemon killed", GOES_ON)
def postcopy_source_daemon_killed(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.kill_daemon(scene.source)
    scene.source.start_daemon()
    arrives(scene, scene.told())


@case("post-copy", "destination's daemon killed", WITHOUT)
def postcopy_destination_daemon_killed(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.kill_daemon(scene.destination)
    scene.destination.start_daemon()
    arrives(scene, scene.told())


@case("post-copy", "both daemons killed", GOES_ON)
def postcopy_both_daemons_killed(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    for host in scene.hosts:
        faults.kill_daemon(host)
    for host in scene.hosts:
        host.start_daemon()
    arrives(scene, scene.told())


@case("post-copy", "data connection reset", RECOVER, quick=True)
def postcopy_data_reset(scene: Scene) -> None:
    scene.in_postcopy(bandwidth_postcopy=8)
    scene.now()
    faults.reset(scene.destination, faults.DATA)
    told = scene.told()
    assert told.place == "post-copy-broken", told
    assert "failed in post-copy phase" in str(told.error)
    recovered(scene)


@case("post-copy", "data connection dropped for 8 s", RECOVER)
def postcopy_data_dropped(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.drop(scene.destination, faults.DATA)
    healing = threading.Timer(8, lambda: faults.heal(scene.destination))
    healing.start()
    # Both sides take it for healthy; recovery finds out that nothing moves, and has the source stop.
    recovered(scene)
    healing.join()
    assert scene.told().place in ("post-copy-broken", "destination-running")


@case("post-copy", "data connection reset, and the destination does not learn of it", DEAF)
def postcopy_data_half_open(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.drop(scene.destination, faults.DATA)
    time.sleep(0.5)
    faults.reset(scene.source, faults.DATA)
    time.sleep(0.5)
    faults.heal(scene.destination)
    advice = scene.recover()
    if advice.error is None:
        # It asked for a page after all, and learned.
        arrives(scene, advice)
        return
    assert "ss -K" in str(advice.error), advice
    assert advice.place == "post-copy-broken"
    faults.reset(scene.destination, faults.DATA)
    recovered(scene)


@case(
    "post-copy",
    "connection of the daemons reset",
    WITHOUT,
)
def postcopy_control_reset(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.reset(scene.destination, faults.CONTROL, peer=scene.source.address)
    arrives(scene, scene.told())


@case("post-copy", "connection of the caller reset", GOES_ON)
def postcopy_caller_reset(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.reset(scene.source, faults.CONTROL, peer=scene.machine)
    arrives(scene, scene.told())


@case("post-copy", "link slowed to a crawl for 5 s", "Nothing: the guest is slow for as long as the link is.")
def postcopy_link_slow(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.slow(scene.source, 400)
    time.sleep(5)
    faults.unslow(scene.source)
    arrives(scene, scene.told())


@case("post-copy", "stopped on purpose (abort_job(post_copy=True))", RECOVER)
def postcopy_stopped(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    Guest.open(scene.guest.uuid, scene.source.uri).abort_job(post_copy=True)
    assert scene.told().place == "post-copy-broken"
    recovered(scene)


@case("post-copy", "the caller aborts", "Nothing: it is refused, and the migration goes on.")
def postcopy_abort(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    assert scene.migration is not None
    with pytest.raises(Exception, match="post-copy"):
        scene.migration.abort()
    arrives(scene, scene.told())


@case("post-copy", "breaks again while it is resumed", RECOVER)
def postcopy_breaks_twice(scene: Scene) -> None:
    scene.in_postcopy()
    scene.now()
    faults.reset(scene.destination, faults.DATA)
    assert scene.told().place == "post-copy-broken"

    def again() -> None:
        domain = scene.guest.domain(scene.source)
        eventually(lambda: domain.state() == [3, 12], "post-copy goes on")
        time.sleep(0.5)
        faults.reset(scene.destination, faults.DATA)

    breaking = threading.Thread(target=again)
    breaking.start()
    second = scene.recover()
    breaking.join()
    assert second.place == "post-copy-broken", second
    recovered(scene)
