"""Faults of those who ask: killed, interrupted, too late, two of them, and too many guests at once."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import threading
import time

import pytest

from libvirt_migrate import Guest, LibvirtError, Migration, MigrationFailed
from libvirt_migrate.lab import Workload, faults

from .case import case
from .debugger import Debugger
from .judge import all_is_well, arrives, domains, stays
from .scene import NAME, NEVER, Scene, eventually

ADOPT = "guest.adopt_migration(destination=…) attaches to it from anywhere: follow it, steer it, abort it."
EXCLUSIVE = "Nothing: one is refused before it has done anything."


def start_and_wait(scene: Scene, end: str, post_copy: bool = False) -> subprocess.Popen[str]:
    """A process in the middle of a migration."""
    into_post_copy = "migration.force_complete()" if post_copy else "pass"
    caller = scene.caller(f"""
migration = guest.start_migration(params, convergence=never)
moving(migration)
{into_post_copy}
print("moving", flush=True)
{end}
""")
    assert caller.stdout is not None
    assert caller.stdout.readline() == "moving\n"
    return caller


@case("callers", "the caller killed with SIGKILL in setup", ADOPT)
def caller_killed_in_setup(scene: Scene) -> None:
    caller = scene.caller("""
print("ready", flush=True)
guest.migrate(params, convergence=never)
""")
    assert caller.stdout is not None
    assert caller.stdout.readline() == "ready\n"
    file = scene.destination.folder / "run" / "qemu" / "vm.pid"
    eventually(file.exists, "QEMU at the destination")
    scene.now()
    caller.kill()
    caller.communicate()
    finish_or_stay(scene)


def finish_or_stay(scene: Scene) -> None:
    """A migration without its caller goes on: it is adopted and aborted. Or libvirt has cancelled it."""
    guest = Guest.open(scene.guest.uuid, scene.source.uri)
    try:
        migration = guest.adopt_migration(destination=scene.destination.uri)
    except LibvirtError as error:
        text = str(error)
    else:
        migration.abort()
        text = str(scene.told(migration).error)
    # Its end may be seen only after libvirt has forgotten it.
    assert re.search("is not being migrated|canceled by client|without moving the guest", text), text
    if "is not being" in text:
        scene.note(what="adopt", text="libvirt has cancelled it", place="source-running")
    all_is_well(scene, scene.source)


@case("callers", "the caller killed with SIGKILL in pre-copy", ADOPT)
def caller_killed_in_precopy(scene: Scene) -> None:
    caller = start_and_wait(scene, "signal.pause()")
    scene.now()
    caller.kill()
    caller.communicate()
    finish_or_stay(scene)


@case(
    "callers", "the caller killed with SIGKILL in post-copy", "Nothing: it goes on. recover() waits for it."
)
def caller_killed_in_postcopy(scene: Scene) -> None:
    caller = start_and_wait(scene, "signal.pause()", post_copy=True)
    domain = scene.guest.domain(scene.source)
    eventually(lambda: domain.state() == [3, 12], "post-copy")
    scene.now()
    caller.kill()
    caller.communicate()
    told = scene.recover()
    arrives(scene, told)


@case("callers", "Ctrl-C in pre-copy", "Nothing: the migration is aborted, and waited for.")
def caller_interrupted(scene: Scene) -> None:
    caller = scene.caller("""
print("ready", flush=True)
try:
    guest.migrate(params, convergence=never)
except KeyboardInterrupt as error:
    print(type(error.__cause__).__name__, error.__cause__.guest_location, flush=True)
""")
    assert caller.stdout is not None
    assert caller.stdout.readline() == "ready\n"
    domain = scene.guest.domain(scene.source)
    eventually(lambda: domain.jobStats().get("memory_processed"), "memory moves")
    scene.now()
    caller.send_signal(signal.SIGINT)
    out, err = caller.communicate(timeout=60)
    assert (out, err) == ("MigrationCancelled source-running\n", "")
    scene.note(what="migrate", text="KeyboardInterrupt", place="source-running", acts=["abort"])
    all_is_well(scene, scene.source)


def begun(migration: Migration) -> None:
    """Waits until the migration has a job."""
    eventually(lambda: migration.done or migration.progress.phase != "setup", "it has begun")


@case("callers", "abort races with the end", "Nothing: our word is what happened.", quick=True)
def abort_races(scene: Scene) -> None:
    source, destination = scene.hosts
    ends = []
    # An abort at every part of the end, one after the other, back and forth.
    for part in range(6):
        guest = Guest.open(scene.guest.uuid, source.uri)
        migration = guest.start_migration(scene.params(source, destination))
        begun(migration)
        time.sleep(part * 0.03)
        migration.abort()
        scene.now()
        told = scene.told(migration)
        assert told.place == ("destination-running" if told.outcome else "source-running"), told
        place = scene.place()
        assert place is (destination if told.outcome else source), told
        ends.append(told.place)
        if told.outcome:
            source, destination = destination, source
    scene.notes["ends"] = scene.notes["ends"][-1:]
    all_is_well(scene, source)


@case(
    "callers", "abort just before QEMU waits for libvirt's word", "Nothing: QEMU is told to finish the abort."
)
def abort_that_qemu_does_not_see(scene: Scene) -> None:
    guest = Guest.open(scene.guest.uuid, scene.source.uri)
    with Debugger(scene.source, NAME) as debugger:
        debugger.expect("vm_stop_force_state")
        migration = guest.start_migration(scene.params())
        thread = debugger.held()
        # The guest stands still. QEMU sees that nobody has aborted it, and gives the others the word.
        debugger.leave(thread)
        debugger.go_to(thread, "qemu_mutex_unlock_iothread")
        debugger.leave(thread)
        scene.now()
        migration.abort()
        time.sleep(1)
    told = scene.told(migration)
    assert "finish-abort" in [step.action for step in migration.decisions]
    stays(scene, told, "canceled by client")


@case("callers", "two callers migrate the same guest", EXCLUSIVE, quick=True)
def two_callers(scene: Scene) -> None:
    params = scene.params(bandwidth=8)
    errors: list[Exception] = []
    moves = []
    barrier = threading.Barrier(2)

    def call() -> None:
        guest = Guest.open(scene.guest.uuid, scene.source.uri)
        barrier.wait()
        try:
            moves.append(guest.start_migration(params, convergence=NEVER))
        except LibvirtError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.now()
    eventually(lambda: any(move.done for move in moves) or errors, "one is refused")
    winner = next(move for move in moves if not move.done)
    for loser in moves:
        if loser is not winner:
            with pytest.raises(MigrationFailed) as caught:
                loser.result()
            errors.append(caught.value)
    assert len(errors) == 1, (errors, moves)
    scene.await_memory(winner)
    winner.set_max_downtime(5)
    winner.set_bandwidth(0)
    arrives(scene, scene.told(winner))


@case(
    "callers",
    "20 guests at once, and every third loses its QEMU",
    "Migrate those again.",
    options={"guest": False},
)
def twenty_guests(scene: Scene) -> None:
    work = Workload(working_set=4, rest=20)
    guests = [
        scene.lab.start_guest(f"crowd{number}", memory=32, workload=work, wait=False) for number in range(20)
    ]
    for guest in guests:
        guest.beats.wait_for_passes(timeout=90)
    migrations = []
    for guest in guests:
        scene.guest = guest
        params = scene.params(bandwidth=1)
        ours = Guest.open(guest.uuid, scene.source.uri)
        migrations.append(ours.start_migration(params, convergence=NEVER))
    for migration in migrations:
        scene.await_memory(migration)
    scene.now()
    for guest in guests[::3]:
        faults.kill_qemu(scene.destination, guest.name)
    for number, migration in enumerate(migrations):
        if number % 3:
            # The one is enough for some of them, and then they are over.
            with contextlib.suppress(LibvirtError):
                migration.set_max_downtime(5)
                migration.set_bandwidth(0)
    for number, (guest, migration) in enumerate(zip(guests, migrations, strict=True)):
        scene.guest = guest
        told = scene.told(migration)
        assert told.place == ("destination-running" if number % 3 else "source-running"), (number, told)
        assert scene.place() is (scene.destination if number % 3 else scene.source)
        guest.beats.wait_for_passes()
        assert guest.beats.is_intact()
    names = [{domain.name() for domain in domains(host)} for host in scene.hosts]
    assert names[0] == {guest.name for guest in guests[::3]}
    assert names[1] == {guest.name for guest in guests} - names[0]
    # Those that failed go the second time.
    for guest in guests[::3]:
        scene.guest = guest
        outcome = Guest.open(guest.uuid, scene.source.uri).migrate(scene.params())
        assert outcome.guest_location == "destination-running"
        assert guest.beats.is_intact()
    scene.notes["ends"] = []
    scene.note(what="migrate", text="7 fail, 13 arrive", place="each where it was said")
