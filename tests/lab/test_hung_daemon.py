"""Daemons that accept and never answer: every call ends, and asking again and again costs nothing more."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import StartGuest
from helpers.commands import command, refused
from helpers.hung import Hung, counts, hung_daemon, no_more_than, settled_counts, stopped
from helpers.migrating import eventually
from libvirt_migrate import Guest, Host, InvalidParameter, LibvirtError, where_is
from libvirt_migrate.lab import Host as LabHost
from libvirt_migrate.lab import Workload

OPENINGS: dict[str, Callable[..., Any]] = {
    "Guest.open": lambda uri, **options: Guest.open("vm", uri, **options),
    "Host.open": Host.open,
}


@pytest.fixture
def hung() -> Iterator[Hung]:
    with hung_daemon() as daemon:
        yield daemon


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
def test_connecting_ends(hung: Hung, opening: Callable[..., Any]) -> None:
    with pytest.raises(LibvirtError) as caught:
        opening(hung.uri, timeout=0.2)
    # Not a number that says something of the guest or of the host.
    assert (caught.value.code, caught.value.domain) == (68, 7)
    message = str(caught.value)
    assert message.startswith("connecting to qemu+unix:///system took longer than 0.2 s: its daemon may be ")
    assert "secret" not in message


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
@pytest.mark.parametrize("timeout", [0, -1.5, math.nan, -math.inf])
def test_a_limit_that_is_none(opening: Callable[..., Any], timeout: float) -> None:
    with pytest.raises(InvalidParameter, match=r"timeout: .* is not above 0"):
        opening("test:///default", timeout=timeout)


def test_a_limit_that_is_long_enough() -> None:
    assert Host.open("test:///default", timeout=math.inf).guest("test") is not None
    assert Guest.open("test", "test:///default", timeout=60).name == "test"


@pytest.mark.parametrize("times", [1, 20])
def test_one_attempt_is_out_however_often_it_is_asked(hung: Hung, times: int) -> None:
    for _ in range(times):
        (answer,) = where_is("vm", [hung.uri], timeout=0.02).answers
        assert answer.error == "no answer within 0.02 s"
        for opening in OPENINGS.values():
            with pytest.raises(LibvirtError, match=r"took longer than 0\.02 s"):
                opening(hung.uri, timeout=0.02)
    assert hung.waiting() == 1


def test_polling_leaves_threads_and_files_as_they_are(hung: Hung) -> None:
    with pytest.raises(LibvirtError, match="took longer"):
        Host.open(hung.uri, timeout=0.1)
    before = counts()
    for _ in range(20):
        where_is("vm", [hung.uri] * 3, timeout=0.02)
    eventually(lambda: no_more_than(before), "the end of those who asked")


def test_many_who_ask_at_once_share_it(hung: Hung) -> None:
    def ask(_: int) -> int:
        with pytest.raises(LibvirtError) as caught:
            Host.open(hung.uri, timeout=0.3)
        return caught.value.code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {68}
    assert hung.waiting() == 1


def test_who_asks_later_is_not_told_of_an_earlier_failure(hung: Hung) -> None:
    """The attempt that was out when they asked may be one to a daemon that has been started anew since."""
    with pytest.raises(LibvirtError, match="took longer"):
        Host.open(hung.uri, timeout=0.1)
    errors: list[LibvirtError] = []

    def ask() -> None:
        try:
            Host.open(hung.uri, timeout=60)
        except LibvirtError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    hung.refuse()
    # Another attempt, for the one who still waits.
    hung.refuse()
    asking.join(60)
    assert [error.code for error in errors] != [68]
    assert len(errors) == 1


def test_many_connect_where_the_daemon_answers() -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: Guest.open("test", "test:///default").name, range(200)))
    assert names == ["test"] * 200


def test_a_stopped_daemon_that_goes_on(destination: LabHost) -> None:
    assert Host.open(destination.uri).guest("nobody") is None
    before = settled_counts()
    with ThreadPoolExecutor(1) as pool:
        with stopped(destination):
            with pytest.raises(LibvirtError, match=r"took longer than 0\.5 s"):
                Host.open(destination.uri, timeout=0.5)
            for _ in range(10):
                assert where_is("nobody", [destination.uri], timeout=0.05).state == "unknown"
            waiting = pool.submit(Host.open, destination.uri, timeout=60)
            assert not waiting.done()
        assert waiting.result(60).guest("nobody") is None
    assert where_is("nobody", [destination.uri], timeout=60).state == "absent"
    del waiting
    eventually(lambda: no_more_than(before), "the end of all attempts")


def test_a_connection_that_comes_too_late_is_closed(destination: LabHost) -> None:
    assert Host.open(destination.uri).guest("nobody") is None
    before = settled_counts()
    with stopped(destination):
        with pytest.raises(LibvirtError, match=r"took longer than 0\.2 s"):
            Host.open(destination.uri, timeout=0.2)
        assert counts()[1] > before[1]
    eventually(lambda: no_more_than(before), "the end of the late connection")


def test_calls_on_a_connection_that_stands(start_guest: StartGuest, source: LabHost) -> None:
    """libvirt's questions whether the daemon is there end them, after half a minute."""
    name = start_guest(memory=64, workload=Workload(working_set=4, rest=20)).name
    guest, host, asked = Guest.open(name, source.uri), Host.open(source.uri), Host.open(source.uri)
    calls: list[Callable[[], object]] = [
        lambda: guest.state,
        lambda: guest.job_info(),
        lambda: host.hostname,
        lambda: host.guests(),
    ]
    with ThreadPoolExecutor(len(calls)) as pool, stopped(source):
        made = [pool.submit(call) for call in calls]
        # One thread asks a host that hangs, however often it is asked for.
        where_is(name, [asked], timeout=0.02)
        before = counts()
        for _ in range(20):
            (answer,) = where_is(name, [asked], timeout=0.02).answers
            assert answer.error == "no answer within 0.02 s"
        eventually(lambda: no_more_than(before), "the end of those who asked")
        for call in made:
            with pytest.raises(LibvirtError):
                call.result(90)
    assert Guest.open(name, source.uri).state.name == "running"


def test_the_command_gives_a_stopped_daemon_up(
    start_guest: StartGuest, source: LabHost, destination: LabHost, route: tuple[str, ...]
) -> None:
    guest = start_guest(memory=64, workload=Workload(working_set=4, rest=20))
    limit = ("--connect-timeout", "500ms")
    with stopped(destination):
        for words in (
            ("status", "--from", destination.uri, *limit),
            ("plan", guest.name, *route, *limit),
            ("migrate", guest.name, *route, *limit),
            ("watch", guest.name, "--from", destination.uri, *limit),
            ("drain", source.uri, "--to", destination.uri, *limit),
        ):
            line = refused(command(*words))
            assert f"at {destination.uri} cannot be reached: connecting to {destination.uri} took" in line, (
                words
            )
            assert line.endswith(f"whether virsh -c {destination.uri} version answers"), words
    assert guest.domain(source).isActive()
    done = command("migrate", guest.name, *route, *limit)
    assert done.returncode == 0, done
