"""`drain` of real guests."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conftest import StartGuest
from helpers.commands import LISTEN, command, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import SLOW, assert_runs_at, migrates
from libvirt_migrate.lab import Host, LabGuest, Workload


@dataclass
class Drained:
    """A drain that is under way."""

    user: subprocess.Popen[str]
    guests: list[LabGuest]
    #: Those that are being moved.
    moving: Callable[[], list[LabGuest]]


def test_drain(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guests = [start_guest(workload=Workload(working_set=8, rest=20)) for _ in range(3)]
    stuck = guests[1]
    taken = destination.connection().defineXML(re.sub(r"<uuid>.*?</uuid>", "", stuck.xml))
    try:
        done = command("drain", source.uri, "--to", destination.uri, "--jobs", "3", *LISTEN, "--json")
    finally:
        taken.undefine()
    assert (done.returncode, done.stderr) == (1, "")
    told: list[dict[str, Any]] = events(done.stdout)
    assert set(told[0]["guests"]) >= {guest.name for guest in guests}
    ends = {event["guest"]: event["result"] for event in told if event["event"] == "end"}
    assert {guest.name: ends[guest.name] for guest in guests} == {
        guest.name: "left" if guest is stuck else "moved" for guest in guests
    }
    assert (told[-1]["event"], told[-1]["moved"], list(told[-1]["left"])) == ("drained", 2, [stuck.name])
    for guest in guests:
        assert_runs_at(guest, source if guest is stuck else destination)

    done = command("drain", source.uri, "--to", destination.uri, *LISTEN)
    assert done.returncode == 0
    first, last = done.stdout.splitlines()
    assert first.startswith(f"{stuck.name}: to {destination.uri}: moved in ")
    assert last.startswith("1 of 1 guests moved in ")


@pytest.fixture
def drained(start_guest: StartGuest, source: Host, destination: Host) -> Iterator[Drained]:
    """A drain of three guests, two of which are on their way, slowly."""
    guests = [start_guest() for _ in range(3)]
    with started(
        "drain", source.uri, "--to", destination.uri, "--jobs", "2", *LISTEN, *SLOW, "--json"
    ) as user:

        def moving() -> list[LabGuest]:
            return [guest for guest in guests if migrates(guest, source)()]

        eventually(lambda: len(moving()) == 2, "two migrations")
        yield Drained(user, guests, moving)
        for guest in moving():
            guest.domain(source).abortJob()
        eventually(lambda: not moving(), "the end of the migrations")
    for guest in guests:
        assert_runs_at(guest, source)


def test_ctrl_c_aborts_a_drain(drained: Drained) -> None:
    drained.user.send_signal(signal.SIGINT)
    output, _ = drained.user.communicate(timeout=30)
    assert drained.user.returncode == 4
    told = events(output)
    ends = {event["guest"]: event for event in told if event["event"] == "end"}
    assert set(ends) == {guest.name for guest in drained.guests}
    assert all((end["result"], end["code"]) == ("left", 4) for end in ends.values())
    assert sum(end["message"] == "was not started" for end in ends.values()) == 1
    assert (told[-1]["event"], told[-1]["code"], told[-1]["moved"]) == ("drained", 4, 0)
    assert not drained.moving()


@pytest.mark.parametrize(
    ("signals", "code"), [(2 * [signal.SIGINT], 130), ([signal.SIGTERM], 143)], ids=["ctrl-c twice", "term"]
)
def test_a_drain_leaves_its_migrations_running(
    drained: Drained, signals: list[signal.Signals], code: int
) -> None:
    moving = drained.moving()
    for number in signals:
        drained.user.send_signal(number)
        time.sleep(0.15)
    output, _ = drained.user.communicate(timeout=30)
    left = events(output)[-1]
    assert (drained.user.returncode, left["event"], left["code"]) == (code, "left", code)
    assert set(left["guests"]) == {guest.name for guest in moving}
    assert drained.moving() == moving, "libvirt was not asked to abort them"


def test_a_vanishing_terminal_does_not_end_a_drain(
    start_guest: StartGuest, source: Host, destination: Host
) -> None:
    guests = [start_guest(workload=Workload(working_set=4)) for _ in range(2)]
    slow = ("--jobs", "1", "--bandwidth", "12")
    with started("drain", source.uri, "--to", destination.uri, *slow, *LISTEN) as user:
        eventually(lambda: any(migrates(guest, source)() for guest in guests), "a migration")
        assert user.stdout is not None
        assert user.stderr is not None
        user.stdout.close()
        user.stderr.close()
        user.send_signal(signal.SIGHUP)
        assert user.wait(60) == 0
    for guest in guests:
        assert_runs_at(guest, destination)


def test_a_strict_drain_moves_nothing_where_not_all_is_known(
    start_guest: StartGuest, source: Host, destination: Host
) -> None:
    guests = [start_guest(workload=Workload(working_set=2, rest=20)) for _ in range(2)]
    folder = "/var/lib/libvirt/images"
    for host in (source, destination):
        host.run("install", "-d", folder)
    # Whether the same is in it at both hosts nobody can tell.
    share = f"<filesystem type='mount'><source dir='{folder}'/><target dir='a'/></filesystem>"
    unknown = start_guest(devices=share)
    drain = ("drain", source.uri, "--to", destination.uri, *LISTEN)
    done = command(*drain, "--strict", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    told: list[dict[str, Any]] = events(done.stdout)
    ends = {event["guest"]: event for event in told if event["event"] == "end"}
    assert "--strict wants all to be known: files: the filesystem" in ends[unknown.name]["message"]
    assert ends[unknown.name]["not_known"] == 1
    for guest in guests:
        assert ends[guest.name]["message"] == "was not started: not all is known of other guests"
    assert (told[-1]["code"], told[-1]["moved"]) == (3, 0)
    for guest in (*guests, unknown):
        assert_runs_at(guest, source)

    done = command(*drain)
    assert done.returncode == 0, done
    line = next(line for line in done.stdout.splitlines() if line.startswith(unknown.name))
    assert line.endswith("; 1 of the checks could not be made")
    for guest in (*guests, unknown):
        assert_runs_at(guest, destination)


def test_a_strict_drain_moves_what_is_known(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    done = command("drain", source.uri, "--to", destination.uri, *LISTEN, "--strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert_runs_at(guest, destination)
