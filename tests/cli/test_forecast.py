"""`--forecast`: what is said of it, the order of a drain, and the command between real hosts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conftest import StartGuest
from helpers.commands import LISTEN, command, refused
from helpers.events import events
from helpers.moves import is_at
from libvirt_migrate import forecast
from libvirt_migrate.cli.draining.outlook import Outlook, reserve, weigh
from libvirt_migrate.cli.draining.placing import Place
from libvirt_migrate.cli.draining.residents import Resident
from libvirt_migrate.cli.foresight import forecast_lines, in_words
from libvirt_migrate.cli.terminal.values import rate, show_link
from libvirt_migrate.lab import Host, Workload

MIB = 1 << 20
IDLE = Workload(working_set=4, rest=50)
BUSY = [(1.0, 690.0 * MIB), (4.0, 700.0 * MIB)]


def resident(name: str, memory: int = 1024) -> Resident:
    return Resident(name, name, memory * MIB, "qemu+tcp://host1/system")


def told(seconds: float | None) -> Any:
    """A forecast of which only the time matters."""
    figures = None if seconds is None else (seconds, seconds + 1, seconds + 2)
    return SimpleNamespace(forecast=SimpleNamespace(ends=seconds is not None, time=figures))


def outlook(times: dict[str, float | None], *, jobs: int = 1, deadline: float | None = None) -> Outlook:
    forecasts = {name: told(seconds) for name, seconds in times.items()}
    return weigh(forecasts, [resident(name) for name in times], jobs=jobs, deadline=deadline)


def test_the_shortest_goes_first_and_what_does_not_end_goes_last() -> None:
    seen = outlook({"long": 30, "endless": None, "short": 5, "middle": 10}, deadline=60)
    assert seen.order == ["short", "middle", "long", "endless"]
    assert seen.endless == ["endless"]
    # The deadline is when it is given up.
    assert seen.time == (105, 108, 111)


def test_one_that_nothing_is_known_of_goes_before_what_does_not_end() -> None:
    forecasts = {"endless": told(None), "short": told(5)}
    residents = [resident(name) for name in ("endless", "unknown", "short")]
    seen = weigh(forecasts, residents, jobs=2, deadline=None)
    assert seen.order == ["short", "unknown", "endless"]
    assert seen.time is None
    assert "not known how long: endless" in seen.words({name: name for name in seen.order})


def test_several_at_a_time_take_as_long_as_the_last_one() -> None:
    assert outlook({"a": 4, "b": 6, "c": 8}, jobs=2).time == (12, 14, 16)
    assert outlook({"a": 4, "b": 6, "c": 8}, jobs=9).time == (8, 9, 10)
    assert outlook({}).time == (0, 0, 0)


def test_a_large_guest_keeps_its_place_however_late_it_goes() -> None:
    residents = [resident("small", 1), resident("large", 8), resident("too large", 9)]
    kept = reserve(residents, [Place("one", 8 * MIB), Place("other", 2 * MIB)])
    assert {name: place.uri for name, place in kept.items()} == {"large": "one", "small": "other"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1Gbit/s", 125e6), ("100Mbit", 12.5e6), ("1.5 GB/s", 1.5e9), ("2MiB/s", 2 * MIB), ("8bit/s", 1)],
)
def test_rates(text: str, expected: float) -> None:
    assert rate(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1", "fast", "1Gb", "-1Mbit/s", "1bit/s", "0Mbit/s", "9999999Tbit/s", "1 Mbit/m"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate|range"):
        rate(text)


def test_links_are_shown_as_they_are_named() -> None:
    assert [show_link(count) for count in (125e6, 1250e6, 12.5e6, 1)] == [
        "1 Gbit/s",
        "10 Gbit/s",
        "100 Mbit/s",
        "8 bit/s",
    ]


def test_a_forecast_in_words() -> None:
    ends = in_words(forecast(1024 * MIB, 125e6, dirtied=[(1.0, 0.0), (3.0, 0.0)]))
    assert ends.startswith("in 8.")
    assert "pause" in ends
    stuck = in_words(forecast(2048 * MIB, 400 * MIB, dirtied=BUSY))
    assert stuck == (
        "does not come to an end by itself; --max-downtime 2s or --post-copy or --throttle would help"
    )
    one = forecast(1024 * MIB, 125e6)
    both: Any = SimpleNamespace(forecast=one, by_link=[(125e6, one), (1250e6, one)], unknown=["the link"])
    lines = forecast_lines(both)
    assert [line.partition(":")[0] for line in lines] == [
        "forecast",
        "  at 1 Gbit/s",
        "  at 10 Gbit/s",
        "  not known",
    ]


def test_a_plan_has_a_forecast(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest(memory=128, workload=IDLE)
    done = command("plan", guest.uuid, *route, "--link", "1Gbit/s", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    seen = events(done.stdout)
    (found,) = [event for event in seen if event["event"] == "forecast"]
    assert (found["ends"], found["link"], found["link_from"]) == (True, 125e6, "given")
    assert len(found["dirtied"]) == 3
    assert found["unknown"] == []
    done = command("plan", guest.uuid, *route, "--forecast")
    assert "forecast: in " in done.stdout
    assert "at 10 Gbit/s: in " in done.stdout
    assert "not known: what the link carries" in done.stdout
    assert is_at(guest, source)


def test_a_drain_goes_by_its_forecast(start_guest: StartGuest, source: Host, destination: Host) -> None:
    large = start_guest(memory=160, workload=Workload(working_set=80, rest=20))
    small = start_guest(memory=128, workload=Workload(working_set=1, rest=50))
    options = ("drain", source.uri, "--to", destination.uri, *LISTEN, "--jobs", "1", "--dry-run")
    # 80 MiB are written faster than 12 MiB/s carry them.
    done = command(*options, "--link", "100Mbit/s", "--deadline", "600", "--json")
    assert done.returncode == 0, done
    seen = {event["event"]: event for event in events(done.stdout)}
    assert seen["outlook"]["order"] == [small.name, large.name]
    # The deadline ends what does not end by itself.
    assert seen["outlook"]["elapsed"][1] >= 600
    assert is_at(large, source)
    assert is_at(small, source)


def test_a_drain_is_foreseen_before_it_begins(
    start_guest: StartGuest, source: Host, destination: Host
) -> None:
    guest = start_guest(memory=128, workload=IDLE)
    done = command("drain", source.uri, "--to", destination.uri, *LISTEN, "--link", "1Gbit/s")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"order: {guest.name}; about ")
    # Where it takes long a line comes in between.
    assert any(line.startswith(f"{guest.name}: to ") for line in lines[1:])
    assert is_at(guest, destination)


def test_a_definition_has_no_forecast() -> None:
    line = refused(command("plan", "vm", "qemu+tcp://host2/system", "--offline", "--forecast"))
    assert "leave out --forecast" in line
    assert "is no rate" in refused(command("plan", "vm", "qemu+tcp://host2/system", "--link", "fast"))
