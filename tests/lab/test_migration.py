"""Migrations of real guests between the lab's two hosts."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import pytest

from conftest import StartGuest
from helpers.migrating import eventually
from libvirt_migrate import (
    Convergence,
    Guest,
    InvalidParameter,
    LibvirtError,
    MigrateFlags,
    MigrateParams,
    MigrationCancelled,
    Progress,
    build_migrate_params,
)
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

libvirt = pytest.importorskip("libvirt")
pytestmark = pytest.mark.usefixtures("lab")

#: A working set that no bandwidth below converges with.
BUSY = Workload(working_set=40)
IDLE = Workload(working_set=4, rest=20)
DEFAULT_FLAGS = build_migrate_params().flags
#: MiB/s.
SLOW = 8


def parameters(guest: LabGuest, source: Host, destination: Host, **more: Any) -> MigrateParams:
    xml = guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    return build_migrate_params(guest.xml_for(source, destination, xml), destination=destination.uri, **more)


def states(guest: LabGuest, *hosts: Host) -> list[int | None]:
    """What the guest does at each host; nothing where the host does not know it."""
    return [state_at(guest, host) for host in hosts]


def state_at(guest: LabGuest, host: Host) -> int | None:
    """From a list, since a look-up that fails is an error in the daemon's journal."""
    domains = host.connection().listAllDomains()
    found = next((domain for domain in domains if domain.UUIDString() == guest.uuid), None)
    try:
        return None if found is None else found.state()[0]
    except libvirt.libvirtError as error:
        # Gone since it was listed.
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


RUNNING, PAUSED = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED


def in_memory_phase(progress: Progress) -> bool:
    return progress.phase == "memory" and progress.memory_remaining > 0


def test_a_migration_is_followed_to_its_end(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=128, workload=Workload(working_set=16))
    guest = Guest(lab_guest.domain(source))
    while_running: list[bool] = []
    seen: list[Progress] = []
    migration = guest.start_migration(
        parameters(lab_guest, source, destination, bandwidth=50),
        on_progress=seen.append,
        on_switchover=lambda _: while_running.append(not migration.done),
    )
    told = list(migration)
    outcome = migration.result()
    eventually(lambda: seen and seen[-1].fraction == 1.0, "the last progress")
    # Before the call returned, which waits for the source's QEMU to end.
    assert while_running == [True]
    assert migration.has_events
    phases = [progress.phase for progress in told]
    assert {"memory", "finishing"} <= set(phases)
    assert [progress.fraction for progress in told] == sorted(progress.fraction for progress in told)
    assert told[-1].memory_total > 128 << 20
    assert outcome.guest_location == "destination-running"
    assert outcome.downtime is not None
    assert 0 < outcome.downtime < outcome.total_time
    assert outcome.iterations >= 2
    assert outcome.bytes > 1 << 20
    assert states(lab_guest, source, destination) == [None, RUNNING]
    lab_guest.beats.wait_for_passes()


#: How a process may stand with libvirt's event loop, and whether events are to be had in the end.
LOOPS = {
    "nobody has one": ("", True),
    "libvirt-python's, running": ("libvirt.virEventRegisterDefaultImpl(); run()", True),
    "libvirt-python's, not running": ("libvirt.virEventRegisterDefaultImpl()", True),
    "libvirt-python's, started later": (
        "libvirt.virEventRegisterDefaultImpl(); threading.Timer(0.6, run).start()",
        True,
    ),
    "another one, not running": (
        "libvirt.virEventRegisterImpl(lambda *_: 1, ignore, ignore, lambda *_: 1, ignore, ignore)",
        False,
    ),
}


@pytest.mark.parametrize(("loop", "events"), LOOPS.values(), ids=LOOPS.keys())
def test_the_event_loop_is_shared(
    lab: Lab, source: Host, destination: Host, start_guest: StartGuest, loop: str, events: bool
) -> None:
    lab_guest = start_guest(memory=64, workload=IDLE)
    script = f"""
        import libvirt, threading
        def run():
            def forever():
                while True:
                    libvirt.virEventRunDefaultImpl()
            threading.Thread(target=forever, daemon=True).start()
        def ignore(*_):
            return 0
        {loop}
        from libvirt_migrate import *
        from libvirt_migrate.lab import Lab
        source, destination = Lab.attach({lab.name!r}).hosts
        dom = source.connection().lookupByUUIDString({lab_guest.uuid!r})
        xml = dom.XMLDesc(8).replace("'" + source.address + "'", "'" + destination.address + "'")
        switched = threading.Event()
        params = build_migrate_params(xml, destination=destination.uri, bandwidth=40)
        migration = Guest(dom).start_migration(params, on_switchover=lambda _: switched.set())
        iterations = sorted({{progress.iteration for progress in migration}})
        assert switched.wait(10)
        print(migration.result().guest_location, migration.has_events, len(iterations) > 1)
    """
    assert run(script) == f"destination-running {events} True\n"
    assert states(lab_guest, source, destination) == [None, RUNNING]


def run(script: str, returncode: int = 0) -> str:
    """What a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (done.returncode, done.stderr) == (returncode, ""), done
    return done.stdout


def test_await_without_libvirt_python(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=IDLE)

    async def move() -> str:
        guest = Guest.open(lab_guest.uuid, source.uri)
        outcome = await guest.start_migration(parameters(lab_guest, source, destination))
        return outcome.guest_location

    assert asyncio.run(move()) == "destination-running"


@pytest.mark.parametrize("wait", [True, False], ids=["while memory moves", "at once"])
def test_an_abort_leaves_the_guest_at_the_source(
    source: Host, destination: Host, start_guest: StartGuest, wait: bool
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    guest = Guest(lab_guest.domain(source))
    migration = guest.start_migration(parameters(lab_guest, source, destination, bandwidth=SLOW))
    if wait:
        next(progress for progress in migration if in_memory_phase(progress))
    migration.abort()
    with pytest.raises(MigrationCancelled) as caught:
        migration.result()
    assert isinstance(caught.value, libvirt.libvirtError)
    assert caught.value.guest_location == "source-running"
    assert states(lab_guest, source, destination) == [RUNNING, None]
    lab_guest.beats.wait_for_passes()
    # Nothing is in the way of the next one.
    assert guest.migrate(parameters(lab_guest, source, destination)).guest_location == "destination-running"


def test_forcing_by_post_copy(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    migration = Guest(lab_guest.domain(source)).start_migration(
        parameters(
            lab_guest,
            source,
            destination,
            bandwidth=SLOW,
            bandwidth_postcopy=SLOW,
            flags=DEFAULT_FLAGS | MigrateFlags.POSTCOPY,
        ),
        convergence=Convergence(max_downtime=0.01),
    )
    next(progress for progress in migration if in_memory_phase(progress))
    migration.force_complete()
    with pytest.raises(LibvirtError, match="post-copy"):
        migration.abort()
    assert next(progress for progress in migration if progress.phase == "post-copy").fraction < 1
    migration.set_bandwidth(0)
    outcome = migration.result()
    assert "start-post-copy" in [decision.action for decision in outcome.decisions]
    assert outcome.guest_location == "destination-running"
    assert states(lab_guest, destination) == [RUNNING]
    lab_guest.beats.wait_for_passes()


def test_forcing_by_a_pause(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    switchovers: list[float] = []
    migration = Guest(lab_guest.domain(source)).start_migration(
        parameters(lab_guest, source, destination, bandwidth=SLOW),
        convergence=Convergence(max_downtime=0.01),
        on_switchover=switchovers.append,
    )
    next(progress for progress in migration if in_memory_phase(progress))
    migration.force_complete()
    time.sleep(0.2)
    # The guest stands still, but it has not moved.
    assert switchovers == []
    migration.set_bandwidth(0)
    assert migration.result().guest_location == "destination-running"
    assert states(lab_guest, source, destination) == [None, RUNNING]
    lab_guest.beats.wait_for_passes()
    eventually(lambda: len(switchovers) == 1, "the switchover")


def test_a_deadline_is_kept(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    params = parameters(lab_guest, source, destination, bandwidth=SLOW)
    guest = Guest(lab_guest.domain(source))
    with pytest.raises(MigrationCancelled) as caught:
        guest.migrate(params, convergence=Convergence(max_downtime=0.05, deadline=3))
    assert caught.value.outcome is not None
    assert caught.value.outcome.decisions[-1].action == "abort"
    forced = guest.migrate(
        params, convergence=Convergence(max_downtime=0.05, deadline=3, post_copy=True, on_deadline="force")
    )
    assert forced.guest_location == "destination-running"
    assert "start-post-copy" in [decision.action for decision in forced.decisions]


def test_post_copy_begins_as_soon_as_one_pass_tells_that_waiting_takes_longer(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=96, workload=BUSY)
    outcome = Guest(lab_guest.domain(source)).migrate(
        parameters(lab_guest, source, destination, bandwidth=12),
        convergence=Convergence(max_downtime=0.2, post_copy=True),
    )
    assert outcome.guest_location == "destination-running"
    (switch,) = (one for one in outcome.decisions if one.action == "start-post-copy")
    assert switch.reason.startswith("a pass of ")
    assert switch.reason.endswith("post-copy is allowed")
    # The pass in which it begins is the second one; another may have begun until QEMU took it.
    assert outcome.iterations <= 3
    lab_guest.beats.wait_for_passes()


def test_a_guest_that_cannot_converge_is_throttled(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    migration = Guest(lab_guest.domain(source)).start_migration(
        parameters(lab_guest, source, destination, bandwidth=40),
        convergence=Convergence(max_downtime=0.2, throttle=True),
    )
    eventually(
        lambda: migration.done or any(decision.action == "restart" for decision in migration.decisions),
        "the restart",
    )
    assert not migration.done
    eventually(lambda: migration.done or migration.progress.throttle > 0, "the throttle")
    if not migration.done:
        migration.set_bandwidth(0)
    assert migration.result().guest_location == "destination-running"


def test_a_paused_guest_arrives_paused(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=IDLE)
    domain = lab_guest.domain(source)
    domain.suspend()
    outcome = Guest(domain).migrate(
        parameters(lab_guest, source, destination), convergence=Convergence(post_copy=True)
    )
    assert outcome.guest_location == "destination-paused"
    assert outcome.decisions[0].action == "drop-post-copy"
    assert states(lab_guest, source, destination) == [None, PAUSED]


def test_one_that_runs_is_not_started_twice(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    params = parameters(lab_guest, source, destination, bandwidth=SLOW)
    first = Guest(lab_guest.domain(source)).start_migration(params)
    next(progress for progress in first if in_memory_phase(progress))
    # Another object, over another connection.
    with pytest.raises(LibvirtError, match="being migrated already"):
        Guest.open(lab_guest.uuid, source.uri).start_migration(params)
    first.set_bandwidth(0)
    assert first.result().guest_location == "destination-running"


@pytest.mark.parametrize("end", ["success", "abort"])
def test_a_migration_of_a_process_that_is_gone_is_adopted(
    lab: Lab, source: Host, destination: Host, start_guest: StartGuest, end: str
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    starter = f"""
        import os
        from libvirt_migrate import *
        from libvirt_migrate.lab import Lab
        source, destination = Lab.attach({lab.name!r}).hosts
        guest = Guest.open({lab_guest.uuid!r}, source.uri)
        xml = guest.xml(migratable=True).replace("'" + source.address + "'", "'" + destination.address + "'")
        params = build_migrate_params(xml, destination=destination.uri, bandwidth={SLOW})
        migration = guest.start_migration(params, convergence=Convergence(max_downtime=0.001))
        next(progress for progress in migration if progress.phase == "memory")
        print("started", flush=True)
        os._exit(9)
    """
    assert run(starter, returncode=9) == "started\n"
    guest = Guest(lab_guest.domain(source))
    migration = guest.adopt_migration(destination=destination.uri)
    progress = next(progress for progress in migration if in_memory_phase(progress))
    assert progress.memory_total > 64 << 20
    if end == "abort":
        migration.abort()
        with pytest.raises(MigrationCancelled) as caught:
            migration.result()
        assert caught.value.guest_location == "source-running"
        assert states(lab_guest, source, destination) == [RUNNING, None]
    else:
        migration.set_max_downtime(10)
        migration.set_bandwidth(0)
        outcome = migration.result()
        assert outcome.guest_location == "destination-running"
        assert outcome.downtime is not None
        assert states(lab_guest, source, destination) == [None, RUNNING]
    lab_guest.beats.wait_for_passes()


def test_many_migrations_of_one_connection_run_and_can_be_aborted(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    """A daemon takes five calls of a connection at most, so none of these may block there."""
    guests = [start_guest(memory=40, workload=Workload(working_set=16)) for _ in range(7)]
    prepared = [
        (Guest(guest.domain(source)), parameters(guest, source, destination, bandwidth=2)) for guest in guests
    ]
    migrations = [
        guest.start_migration(params, convergence=Convergence(max_downtime=0.01))
        for guest, params in prepared
    ]
    eventually(lambda: all(in_memory_phase(migration.progress) for migration in migrations), "all at work")
    for migration in migrations:
        migration.abort()
    for migration in migrations:
        with pytest.raises(MigrationCancelled):
            migration.result()
    assert [states(guest, source, destination) for guest in guests] == [[RUNNING, None]] * 7
    assert all(guest.beats.is_intact() for guest in guests)


def test_ctrl_c_aborts_a_blocking_migrate(
    lab: Lab, source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    script = f"""
        import os, signal, threading
        from libvirt_migrate import *
        from libvirt_migrate.lab import Lab
        source, destination = Lab.attach({lab.name!r}).hosts
        guest = Guest.open({lab_guest.uuid!r}, source.uri)
        xml = guest.xml(migratable=True).replace("'" + source.address + "'", "'" + destination.address + "'")
        params = build_migrate_params(xml, destination=destination.uri, bandwidth={SLOW})
        threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            guest.migrate(params, convergence=Convergence(max_downtime=0.001))
        except KeyboardInterrupt as error:
            print("interrupted:", error.__cause__.guest_location)
    """
    assert run(script) == "interrupted: source-running\n"
    assert states(lab_guest, source, destination) == [RUNNING, None]


def test_the_interpreter_ends_while_a_guest_moves(
    lab: Lab, source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    script = f"""
        import libvirt
        from libvirt_migrate import *
        from libvirt_migrate.lab import Lab
        source, destination = Lab.attach({lab.name!r}).hosts
        dom = source.connection().lookupByUUIDString({lab_guest.uuid!r})
        xml = dom.XMLDesc(8).replace("'" + source.address + "'", "'" + destination.address + "'")
        params = build_migrate_params(xml, destination=destination.uri, bandwidth={SLOW})
        migration = Guest(dom).start_migration(params, on_progress=lambda _: None)
        next(progress for progress in migration if progress.phase == "memory")
        print("last line")
    """
    assert run(script) == "last line\n"
    # What becomes of it is the daemon's business; the guest is in one place.
    with contextlib.suppress(LibvirtError, libvirt.libvirtError):
        Guest(lab_guest.domain(source)).adopt_migration().abort()
    places = ([RUNNING, None], [None, RUNNING])
    eventually(lambda: states(lab_guest, source, destination) in places, "one place")


def test_a_dropped_handle_is_found_again_by_another_guest_object(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=BUSY)
    params = parameters(lab_guest, source, destination, bandwidth=SLOW)
    Guest(lab_guest.domain(source)).start_migration(params)
    again = Guest(lab_guest.domain(source))
    adopted: list[Any] = []

    def adopt() -> bool:
        try:
            adopted.append(again.adopt_migration(destination=destination.uri))
        except LibvirtError:
            return False
        return True

    eventually(adopt, "a job to adopt")
    next(progress for progress in adopted[0] if in_memory_phase(progress))
    adopted[0].set_bandwidth(0)
    assert adopted[0].result().guest_location == "destination-running"


def test_waiting_from_many_threads(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=IDLE)
    migration = Guest(lab_guest.domain(source)).start_migration(parameters(lab_guest, source, destination))
    ends: list[str] = []
    threads = [
        threading.Thread(target=lambda: ends.append(migration.result().guest_location)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ends == ["destination-running"] * 8


def test_post_copy_with_a_flag_that_forbids_it_starts_nothing(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=IDLE)
    guest = Guest(lab_guest.domain(source))
    params = parameters(lab_guest, source, destination, flags=MigrateFlags.PEER2PEER)
    with pytest.raises(InvalidParameter, match="post_copy"):
        guest.start_migration(params, convergence=Convergence(post_copy=True))
    assert guest.job_info().type == 0
