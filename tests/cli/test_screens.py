"""What a person sees of real migrations, in terminals of several widths."""

from __future__ import annotations

import json
import re
from pathlib import Path

import libvirt
import pytest

from conftest import StartGuest
from helpers.commands import command, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import SLOW, assert_runs_at, migrates
from helpers.screens import Terminal, terminal
from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, Workload

#: A number at the end of a line whose unit is on the next one.
BROKEN = re.compile(r"\d\n *(?:ms|s|min|[KMG]iB|%)(?!\w)")
PAUSED = re.compile(r"paused (\d+(?:\.\d)?) (ms|s)")


def assert_whole(shown: Terminal) -> None:
    """No figure is broken, and nothing is said in two ways."""
    assert BROKEN.search("\n".join(shown.lines)) is None, shown.lines
    assert "Traceback" not in shown.text


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_deadline_that_passes_is_one_line(
    start_guest: StartGuest, source: Host, route: tuple[str, ...], columns: int
) -> None:
    guest = start_guest()
    with terminal("migrate", guest.name, *route, *SLOW, "--deadline", "2", columns=columns) as shown:
        assert shown.end() == 4
    assert_whole(shown)
    assert shown.text.count("the deadline of") == 1
    assert re.search(
        rf"{guest.name}: cancelled: the deadline of 2\.0 s has passed with .* left, after .* s; "
        "the guest runs at the source",
        shown.text,
    )
    assert "canceled by client" not in shown.text
    assert_runs_at(guest, source)


@pytest.mark.parametrize("columns", [60, 80])
def test_a_decision_is_shown_once_and_a_forced_pause_has_its_seconds(
    start_guest: StartGuest, destination: Host, route: tuple[str, ...], columns: int
) -> None:
    guest = start_guest(workload=Workload(working_set=6))
    slow = ("--bandwidth", "4", "--max-downtime", "10ms", "--deadline", "2", "--on-deadline", "force")
    with terminal("migrate", guest.name, *route, *slow, columns=columns) as shown:
        shown.see(lambda: PAUSED.search(shown.text))
        assert shown.end() == 0
    assert_whole(shown)
    assert shown.text.count("pause the guest until it has moved") == 1
    assert f"{guest.name}: the guest runs at the destination" in shown.text
    assert_runs_at(guest, destination)


def test_force_complete_asks_and_says_for_how_long(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    force = ("force-complete", guest.name, "--from", source.uri, "--to", destination.uri)
    with terminal("migrate", guest.name, *route, "--bandwidth", "2", "--max-downtime", "10ms") as shown:
        eventually(migrates(guest, source), "a migration")
        eventually(lambda: Guest(guest.domain(source)).job_info().memory_bps, "that it is known how fast")
        with terminal(*force) as asked:
            asked.see(lambda: "[y/N]" in asked.text)
            asked.type("n\n")
            assert asked.end() == 2
        assert re.search(
            r"it will stand still until it has moved, for about .* left\)\. Pause it\?", asked.text
        )
        assert f"{guest.name}: was left as it is, and goes on moving" in asked.text
        assert Guest(guest.domain(source)).state.name == "running"
        with terminal(*force) as asked:
            asked.see(lambda: "[y/N]" in asked.text)
            asked.type("y\n")
            assert asked.end() == 0
        # With the limit of the bandwidth in force it would have taken half a minute.
        assert "there is no limit on the bandwidth any more" in asked.text
        (time, pause) = re.findall(r"time (.*?), pause (\S+) ", asked.text)[0]
        assert float(pause) < 10 or pause.isdigit(), (time, pause)
        assert_whole(asked)
        assert shown.end() == 0
    assert_runs_at(guest, destination)


def test_watch_counts_from_the_start(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    ours = Guest(guest.domain(source))
    with started("migrate", guest.name, *route, *SLOW) as user:
        eventually(lambda: (ours.job_info().time_elapsed or 0) > 3, "three seconds")
        words = ("watch", guest.name, "--from", source.uri, "--to", destination.uri, "--json")
        with started(*words) as watcher:
            assert watcher.stdout is not None
            told = [watcher.stdout.readline() for _ in range(2)]
            ours.abort_job()
            rest, _ = watcher.communicate(timeout=30)
        user.communicate(timeout=30)
    seen = events("".join(told) + rest)
    assert [event["event"] for event in (seen[0], seen[1], seen[-1])] == ["watch", "progress", "end"]
    assert 3 < seen[1]["elapsed"] < seen[-1]["total_time"] < 30
    assert_runs_at(guest, source)


def test_without_rich_there_is_a_line_now_and_then(
    start_guest: StartGuest, source: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('no rich')")
    guest = start_guest()
    slow = (*SLOW, "--deadline", "7")
    with terminal("migrate", guest.name, *route, *slow, columns=200, PYTHONPATH=str(tmp_path)) as shown:
        assert shown.end() == 4
    assert shown.text.count("pip install 'libvirt-migrate[cli]' shows this live") == 1
    assert any(
        re.match(rf"libvirt-migrate: {guest.name}: memory, \d+ %, .* left, ", line) for line in shown.lines
    )
    assert_whole(shown)
    assert_runs_at(guest, source)


def test_a_guest_arrives_paused_and_with_another_name(
    start_guest: StartGuest, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    done = command(
        "migrate", guest.name, *route, "--dname", "other", "--suspend", "-v", "--log-format", "json"
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"{guest.name}: the guest is paused at the destination\n")
    assert all(json.loads(line)["logger"] == "libvirt_migrate" for line in done.stderr.splitlines())
    domain = destination.connection().lookupByName("other")
    assert domain.UUIDString() == guest.uuid
    kept = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert "<name>other</name>" in kept
    domain.resume()
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()
