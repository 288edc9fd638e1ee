"""`drain` of real guests."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import StartGuest
from helpers.commands import LISTEN, command, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import SLOW, assert_runs_at, migrates
from helpers.screens import terminal
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
        kinds = [event["event"] for event in told if event.get("guest") == guest.name]
        assert kinds[0] == "move"
        assert {"check", "plan", "end"} <= set(kinds)
        assert ({"start", "progress"} <= set(kinds)) == (guest is not stuck)
    for guest in guests:
        assert_runs_at(guest, source if guest is stuck else destination)

    done = command("drain", source.uri, "--to", destination.uri, *LISTEN)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if " on the way" not in line]
    assert lines[0].startswith(f"{stuck.name}: to {destination.uri}: moved in ")
    assert lines[1].startswith("1 of 1 guests moved in ")
    assert lines[2:] == [f"bring back what has left with: libvirt-migrate undrain {source.uri}"]
    done = command("drain", source.uri, "--to", destination.uri, *LISTEN)
    assert done.stdout.startswith(f"no guest runs at {source.uri}: there is nothing to move\n")
    assert done.returncode == 0

    done = command("undrain", source.uri, *LISTEN, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = events(done.stdout)
    assert told[0]["event"] == "undrain"
    assert set(told[0]["guests"]) == {guest.name for guest in guests}
    assert (told[-1]["event"], told[-1]["moved"]) == ("drained", 3)
    for guest in guests:
        assert_runs_at(guest, source)
    done = command("undrain", source.uri, *LISTEN)
    assert done.stdout == f"no guest has left {source.uri} by drain: there is nothing to bring back\n"


def test_who_does_not_come_back_is_told_once(
    start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    path = tmp_path / "record.json"
    away = {"name": "gone", "uuid": f"{guest.uuid[:-4]}ffff", "destination": source.uri, "at": ""}
    here = {**away, "name": guest.name, "uuid": guest.uuid}
    nobody = {**away, "name": "unknown", "uuid": f"{guest.uuid[:-4]}0000"}
    nobody["destination"] = "qemu+tcp://127.0.0.1:1/system"
    path.write_text(json.dumps({"guests": [away, here, nobody]}))
    words = ("undrain", destination.uri, "--record", str(path), *LISTEN)
    done = command(*words)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"libvirt-migrate: gone: is not at {source.uri} any more"
    assert second.startswith("libvirt-migrate: unknown: the destination of the drain at ")
    assert_runs_at(guest, destination)
    assert [one["name"] for one in json.loads(path.read_text())["guests"]] == ["unknown"]
    done = command(*words, "--json")
    assert done.returncode == 1
    assert [event["event"] for event in events(done.stdout)] == ["undrain", "end", "drained"]


def test_a_dry_run_moves_nothing(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guests = [start_guest(workload=Workload(working_set=2, rest=20)) for _ in range(2)]
    stuck = guests[1]
    taken = destination.connection().defineXML(re.sub(r"<uuid>.*?</uuid>", "", stuck.xml))
    drain = ("drain", source.uri, "--to", destination.uri, "--dry-run", *LISTEN)
    try:
        done, for_programs = command(*drain), command(*drain, "--json")
    finally:
        taken.undefine()
    assert (done.returncode, for_programs.returncode) == (3, 3)
    by_name = {line.partition(":")[0]: line for line in done.stdout.splitlines()}
    assert by_name[guests[0].name].endswith(" MiB: ready to migrate")
    assert "name: the destination has a guest" in by_name[stuck.name]
    assert done.stdout.splitlines()[-1] == "1 of 2 guests would be moved"
    end = events(for_programs.stdout)[-1]
    assert (end["event"], end["ready"], list(end["left"])) == ("rehearsed", 1, [stuck.name])
    for guest in guests:
        assert_runs_at(guest, source)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_drain_is_seen(
    start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path, columns: int
) -> None:
    guests = [start_guest(workload=Workload(working_set=2, rest=20)) for _ in range(3)]
    page, record = tmp_path / "drain.html", tmp_path / "record.json"
    words = ("--bandwidth", "5", "--report", str(page), "--record", str(record))
    with terminal("drain", source.uri, "--to", destination.uri, *words, *LISTEN, columns=columns) as shown:
        shown.see(lambda: re.search(r" memory .* on the way", shown.text))
        assert "0 of 3 moved, 2 on the way, 1 waiting" in shown.text
        assert any(line.startswith("waiting: ") for line in shown.lines)
        assert shown.end() == 0
    assert not any("on the way" in line for line in shown.lines), "the live lines are gone at the end"
    assert "3 of 3 guests moved in" in shown.text
    assert len(json.loads(record.read_text())["guests"]) == 3
    text = page.read_text()
    # Of each a plot for a screen, and one for a phone.
    assert text.count("<svg") == 6
    for guest in guests:
        assert text.count(guest.name) >= 2
        assert_runs_at(guest, destination)


def test_a_pipe_gets_a_line_now_and_then(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    with started("drain", source.uri, "--to", destination.uri, "--bandwidth", "6", *LISTEN) as user:
        assert user.stdout is not None
        line = user.stdout.readline()
        assert line.startswith("0 of 1 moved, 1 on the way, "), line
        assert f"; {guest.name} memory " in line
        user.send_signal(signal.SIGINT)
        user.communicate(timeout=30)
    assert user.returncode == 4
    assert_runs_at(guest, source)


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
