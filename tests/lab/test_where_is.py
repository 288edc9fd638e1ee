"""`where_is`, at libvirt's test driver and at hosts of the lab."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import StartGuest
from libvirt_migrate import Guest, InvalidParameter, where_is
from libvirt_migrate import Host as Daemon
from libvirt_migrate.lab import Host, Workload

TEST = "test:///default"
#: Nobody listens there.
NOBODY = "qemu+tcp://127.0.0.1:1/system"


def test_a_guest_at_one_host() -> None:
    found = where_is("test", [TEST])
    assert (found.state, found.host) == ("running", TEST)
    (answer,) = found.answers
    assert (answer.host, str(answer.state), answer.persistent, answer.error) == (
        TEST,
        "running (unknown)",
        True,
        None,
    )
    assert str(found) == f"running at {TEST}"
    assert repr(found) == f"Whereabouts(running at {TEST})"
    assert repr(answer) == f'HostAnswer("{TEST}", running (unknown))'
    fields = {"host": TEST, "state": "running", "reason": "unknown", "persistent": True, "error": None}
    assert found.to_dict() == {"state": "running", "host": TEST, "answers": [fields]}


def test_a_guest_that_no_host_knows() -> None:
    found = where_is("nobody", [TEST])
    assert (found.state, found.host) == ("absent", None)
    assert found.answers[0].state is None
    assert found.answers[0].persistent is None


def test_hosts_that_cannot_be_asked() -> None:
    found = where_is("nobody", [TEST, NOBODY])
    assert (found.state, found.host) == ("unknown", None)
    assert found.answers[0].error is None
    assert "127.0.0.1" in (found.answers[1].error or "")
    # It is found all the same where it is.
    assert where_is("test", [NOBODY, TEST]).host == TEST


def test_guests_and_hosts_may_be_objects() -> None:
    guest = Guest.open("test", TEST)
    assert where_is(guest, [Daemon.open(TEST)]).host == TEST
    assert where_is(guest.uuid, (uri for uri in [TEST])) == where_is(guest, [TEST])


@pytest.mark.parametrize(
    ("guest", "hosts", "more", "message"),
    [
        ("test", TEST, {}, "hosts: takes a list"),
        ("test", 5, {}, "hosts: takes URIs"),
        ("test", [5], {}, "hosts: takes a string"),
        ("test", ["not a uri"], {}, "hosts: is not a URI"),
        (5, [TEST], {}, "guest: takes a string"),
        ("te\0st", [TEST], {"timeout": 0.0}, "timeout: 0 is not above 0"),
    ],
)
def test_bad_input(guest: Any, hosts: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        where_is(guest, hosts, **more)


def test_real_hosts(source: Host, destination: Host, start_guest: StartGuest) -> None:
    lab_guest = start_guest(memory=64, workload=Workload(working_set=4, rest=20))
    uris = [destination.uri, source.uri]
    found = where_is(lab_guest.uuid, uris)
    assert (found.state, found.host) == ("running", source.uri)
    assert [answer.state is None for answer in found.answers] == [True, False]
    lab_guest.domain(source).suspend()
    assert str(where_is(lab_guest.name, uris)) == f"paused at {source.uri}"
    lab_guest.domain(source).destroy()
    assert where_is(lab_guest.name, uris).state == "shut off"


def test_a_daemon_that_hangs_is_not_waited_for(
    source: Host, destination: Host, start_guest: StartGuest
) -> None:
    lab_guest = start_guest(memory=64, workload=Workload(working_set=4, rest=20))
    number = (destination.folder / "run" / "libvirtd.pid").read_text()
    destination.run("kill", "-STOP", number)
    try:
        found = where_is(lab_guest.uuid, [source.uri, destination.uri], timeout=1)
    finally:
        destination.run("kill", "-CONT", number)
    assert found.host == source.uri
    assert found.answers[1].error == "no answer within 1 s"
