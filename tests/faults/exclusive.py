"""Faults of the switchover with a guest that is sent paused: at no moment do two run, by their own word."""

from __future__ import annotations

import statistics
import sys
import time
from subprocess import run
from typing import Any

from libvirt_migrate import Convergence, Guest
from libvirt_migrate.lab import faults

from .case import case
from .in_precopy import GOES_ON
from .in_setup import AGAIN
from .in_switchover import RECOVER
from .judge import all_is_well, arrives, ended, stays
from .scene import NAME, Scene, Told, eventually

#: A guest that never converges by itself, and is sent paused.
ONLY = Convergence(max_downtime=0.001, exclusive=True)
#: What was arrived is removed or goes on by itself.
NOTHING = "Nothing: the copy that never ran is removed, and the guest goes on at the source."
EXCLUSIVE = "libvirt-migrate recover --exclusive, or guest.recover(destination=…, exclusive=True)."


def at_switchover(scene: Scene) -> None:
    """As the other faults of the switchover."""
    scene.at_switchover(convergence=ONLY)
    scene.now()


def never_two(scene: Scene) -> None:
    """Each host's process has spoken in one turn: one that came back would have run beside the other."""
    turns = scene.guest.beats.turns()
    senders = [turn.sender for turn in turns]
    assert len(senders) == len(set(senders)), turns
    assert scene.guest.beats.is_intact()


def told(scene: Scene) -> Told:
    """The end, and that there never were two; what is left open is recovered first."""
    end = scene.told()
    # Long enough for one that goes on by itself to be heard.
    time.sleep(2)
    never_two(scene)
    return end


def settle(scene: Scene, end: Told) -> None:
    """Recovers what was left open, and has everything checked where the guest is."""
    if end.place not in ("source-running", "destination-running") or len(present(scene)) > 1:
        end = scene.recover(exclusive=True)
        assert end.error is None, end.error
        time.sleep(1)
        never_two(scene)
    all_is_well(scene, {"source-running": scene.source, "destination-running": scene.destination}[end.place])


def present(scene: Scene) -> list[Any]:
    """The hosts that have a process of it."""
    return [host for host in scene.hosts if faults.qemu(host, NAME)]


@case("exclusive", "none", "Nothing.", quick=True)
def exclusive_without_a_fault(scene: Scene) -> None:
    scene.in_precopy(convergence=ONLY)
    assert scene.migration is not None
    scene.now()
    scene.migration.set_max_downtime(60)
    scene.migration.set_bandwidth(0)
    end = told(scene)
    assert end.outcome is not None, end.error
    assert "resume-destination" in [step.action for step in end.outcome.decisions]
    first, second = scene.guest.beats.turns()
    assert end.outcome.downtime is not None
    # What we tell is from the events, and they take their time.
    assert abs(end.outcome.downtime - (second.start - first.end)) < 0.5, (end.outcome, first, second)
    arrives(scene, end)


@case("exclusive", "none, back and forth", "Nothing.")
def exclusive_and_plain_in_turns(scene: Scene) -> None:
    pauses: dict[bool, list[float]] = {True: [], False: []}
    source, destination = scene.hosts
    scene.now()
    for only in [True, False, False, True] * 3:
        began = time.time()
        guest = Guest.open(scene.guest.uuid, source.uri)
        intent = Convergence(exclusive=only)
        end = scene.tell(lambda: guest.migrate(scene.params(source, destination), convergence=intent))  # noqa: B023
        assert end.place == "destination-running", end
        scene.guest.beats.wait_for_passes()
        turns = scene.guest.beats.turns(began)
        assert [turn.sender for turn in turns] == [source.address, destination.address], turns
        pauses[only].append(turns[1].start - turns[0].end)
        source, destination = destination, source
    scene.notes["ends"] = scene.notes["ends"][-1:]
    scene.notes["pause"] = {
        "exclusive": statistics.median(pauses[True]),
        "plain": statistics.median(pauses[False]),
    }
    all_is_well(scene, source)


@case("exclusive", "source's QEMU killed", "Nothing where it has arrived. Otherwise start it at the source.")
def exclusive_source_qemu_killed(scene: Scene) -> None:
    at_switchover(scene)
    faults.kill_qemu(scene.source, NAME)
    time.sleep(0.5)
    scene.signal(scene.destination, "CONT")
    end = told(scene)
    if end.place == "destination-running":
        settle(scene, end)
    else:
        ended(scene, scene.source)


@case("exclusive", "destination's QEMU killed", AGAIN)
def exclusive_destination_qemu_killed(scene: Scene) -> None:
    at_switchover(scene)
    faults.kill_qemu(scene.destination, NAME)
    scene.signal(scene.destination, "CONT")
    stays(scene, told(scene), "closed the monitor|not running|[Dd]omain")


@case("exclusive", "source's daemon killed", "Nothing: what is left at the source is removed first.")
def exclusive_source_daemon_killed(scene: Scene) -> None:
    at_switchover(scene)
    faults.kill_daemon(scene.source)
    scene.signal(scene.destination, "CONT")
    time.sleep(0.5)
    scene.source.start_daemon()
    settle(scene, told(scene))


@case("exclusive", "destination's daemon killed", RECOVER)
def exclusive_destination_daemon_killed(scene: Scene) -> None:
    at_switchover(scene)
    faults.kill_daemon(scene.destination)
    end = scene.told()
    scene.destination.start_daemon()
    time.sleep(2)
    never_two(scene)
    settle(scene, end)


@case("exclusive", "both daemons killed", RECOVER)
def exclusive_both_daemons_killed(scene: Scene) -> None:
    at_switchover(scene)
    faults.kill_daemon(scene.destination)
    faults.kill_daemon(scene.source)
    scene.destination.start_daemon()
    scene.source.start_daemon()
    settle(scene, told(scene))


@case("exclusive", "connection of the daemons reset", NOTHING, quick=True)
def exclusive_control_reset(scene: Scene) -> None:
    at_switchover(scene)
    faults.reset(scene.source, faults.CONTROL, peer=scene.destination.address)
    scene.signal(scene.destination, "CONT")
    end = told(scene)
    assert end.place == "source-running", end
    settle(scene, end)


@case("exclusive", "connection of the daemons dropped", NOTHING)
def exclusive_control_dropped(scene: Scene) -> None:
    at_switchover(scene)
    faults.drop(scene.source, faults.CONTROL, peer=scene.destination.address)
    scene.signal(scene.destination, "CONT")
    end = told(scene)
    faults.heal(scene.source)
    assert end.place == "source-running", end
    settle(scene, end)


@case("exclusive", "connection of the caller reset", GOES_ON)
def exclusive_caller_reset(scene: Scene) -> None:
    at_switchover(scene)
    faults.reset(scene.source, faults.CONTROL, peer=scene.machine)
    scene.signal(scene.destination, "CONT")
    arrives(scene, told(scene))


@case("exclusive", "the caller killed with SIGKILL", EXCLUSIVE, quick=True)
def exclusive_caller_killed(scene: Scene) -> None:
    caller = scene.caller("""
        flags = build_migrate_params().flags
        params = build_migrate_params(xml, destination=destination.uri, flags=flags, bandwidth=8)
        only = Convergence(max_downtime=0.001, exclusive=True)
        migration = guest.start_migration(params, convergence=only)
        moving(migration)
        print("ready", flush=True)
        signal.pause()
    """)
    assert caller.stdout is not None
    assert caller.stdout.readline() == "ready\n"
    scene.now()
    caller.kill()
    caller.communicate()
    domain = scene.guest.domain(scene.source)
    domain.migrateSetMaxDowntime(60_000)
    domain.migrateSetMaxSpeed(1000)
    there = (scene.destination.uri, "paused")

    def stands_still() -> bool:
        found = scene.whereabouts()
        return (found.host, found.state) == there

    eventually(stands_still, "it stands still there")
    assert scene.guest.beats.is_silent(1)
    recover = [sys.executable, "-m", "libvirt_migrate.cli", "recover"]
    words = [scene.guest.uuid, scene.destination.uri, "--from", scene.source.uri, "--exclusive"]
    done = run([*recover, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    said = done.stdout.splitlines()[1].strip().replace(scene.source.uri, "the source")
    scene.note(what="recover", text=said, place="destination-running")
    never_two(scene)
    all_is_well(scene, scene.destination)


@case("exclusive", "none, and the guest was paused before", "Nothing: it stays paused.")
def exclusive_of_a_paused_guest(scene: Scene) -> None:
    scene.guest.domain(scene.source).suspend()
    migration = scene.begin(ONLY, bandwidth=0)
    scene.now()
    end = scene.told(migration)
    assert end.place == "destination-paused", end
    assert scene.guest.beats.is_silent(1)
    scene.guest.domain(scene.destination).resume()
    all_is_well(scene, scene.destination)
