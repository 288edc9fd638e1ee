"""How a migration ended, where the call alone does not tell: what is unknown stays unknown."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

import libvirt_migrate
from libvirt_migrate import LibvirtError, MigrationCancelled, MigrationFailed
from libvirt_migrate.nova import monitor, place
from libvirt_migrate.nova.outcome import GuestLost

from .course import DONE, NONE, Course, course, ended, error, raised, returned, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]

Tell = Callable[..., None]

#: libvirt's states and reasons.
RUNNING, MIGRATED, PAUSED = (1, 1), (1, 3), (3, 1)
WAITING, SHUT_OFF, ABSENT, SILENT = (3, 2), (5, 1), None, "no route"
DEFINED, LEFT = (5, 0), (5, 4)
SOURCE_POST_COPY, POST_COPY, BROKEN, SOURCE_BROKEN = (3, 12), (1, 10), (1, 11), (3, 13)
Answer = tuple[int, int] | str | None
NO_DAEMON = LibvirtError((libvirt.VIR_ERR_RPC, 7, "no daemon", 2, None, None, None, -1, -1))


def doing(answer: Answer) -> Any:
    """What a guest does, as a `GuestState`."""
    if answer is None or isinstance(answer, str):
        return None
    code, reason = answer
    return SimpleNamespace(code=code, reason_code=reason)


def whereabouts(state: str, at: int | None, source: Answer, destination: Answer) -> Any:
    """As `libvirt_migrate.where_is` puts it."""
    hosts = ("qemu+tcp://source/system", "qemu+tcp://dest/system")
    answers = [
        SimpleNamespace(host=host, error=answer if isinstance(answer, str) else None, state=doing(answer))
        for host, answer in zip(hosts, (source, destination), strict=True)
    ]
    return SimpleNamespace(state=state, host=None if at is None else hosts[at], answers=answers)


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Says what both hosts answer, one question after the other; the last one again and again."""
    monkeypatch.setattr(place, "PAUSE", 0.0)

    def tell(*found: Any, ask_for: float = 0.05) -> None:
        answers = list(found)
        monkeypatch.setattr(place, "ASK_FOR", ask_for)

        def where_is(uuid: str, hosts: list[str], timeout: float) -> Any:
            assert (uuid, hosts) == ("uuid", ["qemu+tcp://source/system", "qemu+tcp://dest/system"])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(libvirt_migrate, "where_is", where_is)

    return tell


def asked(*looks: Any, location: str | None = "unknown", kind: type[Any] = MigrationFailed) -> Course:
    """A migration whose call fails, of which both hosts can be asked."""
    failure = ended(kind, location) if location else error(libvirt.VIR_ERR_RPC, "the connection broke")
    it = course(running(), raised(failure), *looks, NONE)
    it.guest.migration_destination = "qemu+tcp://dest/system"
    return it


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (whereabouts("running", 1, ABSENT, MIGRATED), "post"),
        (whereabouts("running", 1, SHUT_OFF, MIGRATED), "post"),
        (whereabouts("paused", 1, ABSENT, PAUSED), "post"),
        (whereabouts("shut off", 1, ABSENT, SHUT_OFF), "post"),
        (whereabouts("running", 0, RUNNING, ABSENT), "recover"),
        (whereabouts("paused", 0, PAUSED, ABSENT), "recover"),
        (whereabouts("shut off", 0, SHUT_OFF, ABSENT), "recover"),
        (whereabouts("shut off", None, SHUT_OFF, DEFINED), "recover"),
        (whereabouts("shut off", None, LEFT, SHUT_OFF), "post"),
    ],
)
@pytest.mark.parametrize("location", ["unknown", "destination-running", "both-paused", None])
def test_what_both_hosts_prove_decides(found: Any, outcome: str, location: str | None, tell: Tell) -> None:
    tell(found)
    assert asked(location=location).run_followed() == outcome


@pytest.mark.parametrize(
    ("found", "said"),
    [
        # A guest in post-copy whose source is gone has lost what was not sent: it has not arrived.
        (whereabouts("post-copy-broken", 1, ABSENT, POST_COPY), "post-copy-broken"),
        (whereabouts("post-copy", 1, SOURCE_POST_COPY, POST_COPY), "in post-copy"),
        (whereabouts("post-copy-broken", 1, SOURCE_BROKEN, BROKEN), "post-copy-broken"),
        (whereabouts("running", 1, SILENT, MIGRATED), "unknown"),
        (whereabouts("running", 0, RUNNING, SILENT), "unknown"),
        (whereabouts("unknown", None, SILENT, SILENT), "unknown"),
        (whereabouts("absent", None, ABSENT, ABSENT), "absent"),
        (whereabouts("shut off", None, DEFINED, SHUT_OFF), "both-shut-off"),
        (whereabouts("shut off", 0, LEFT, ABSENT), "unknown"),
        (whereabouts("migrating", 0, RUNNING, WAITING), "between the hosts"),
        (whereabouts("several", None, RUNNING, RUNNING), "on both hosts"),
        (NO_DAEMON, "unknown"),
        (RuntimeError("a defect"), "unknown"),
    ],
)
def test_what_they_do_not_prove_is_not_acted_on(found: Any, said: str, tell: Tell) -> None:
    tell(found)
    it = asked(location="destination-running")
    with pytest.raises(GuestLost, match=f"the guest is {said}: "):
        it.run_followed()
    assert it.active_migrations == {}


def test_hosts_are_asked_again_until_they_prove_something(tell: Tell) -> None:
    """A daemon that is restarted answers again, and a post-copy that goes on gets there."""
    tell(
        NO_DAEMON,
        whereabouts("running", 1, SILENT, MIGRATED),
        whereabouts("post-copy", 1, SOURCE_POST_COPY, POST_COPY),
        whereabouts("running", 1, ABSENT, MIGRATED),
        ask_for=60,
    )
    assert asked().run_followed() == "post"


def test_an_abort_that_libvirt_took_ends_as_cancelled_whatever_the_error_says(tell: Tell) -> None:
    tell(whereabouts("running", 0, RUNNING, ABSENT))

    def abort(it: Course) -> None:
        assert it.call is not None
        it.call.aborted = True

    it = course(running(), abort, raised(ended(MigrationFailed, "source-running")), NONE)
    assert it.run_followed() == "recover cancelled"
    assert asked(kind=MigrationCancelled).run_followed() == "recover cancelled"


def test_a_call_that_returned_counts_more_than_any_statistics() -> None:
    cancelled = running()
    cancelled.type = libvirt.VIR_DOMAIN_JOB_CANCELLED
    it = course(running(), returned, cancelled)
    assert it.run_followed() == "post"


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (whereabouts("running", 1, ABSENT, MIGRATED), "post"),
        (whereabouts("running", 0, RUNNING, ABSENT), "recover"),
    ],
)
def test_a_call_that_never_returns_ends_by_what_both_hosts_prove(
    found: Any, outcome: str, tell: Tell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The statistics' word that the job has ended is not enough."""
    monkeypatch.setattr(monitor, "CONFIRM_FOR", 0.01)
    monkeypatch.setattr(monitor, "clock", time.monotonic)
    tell(whereabouts("unknown", None, SILENT, SILENT), whereabouts("migrating", 0, RUNNING, WAITING), found)
    it = course(running(), DONE)
    it.guest.migration_destination = "qemu+tcp://dest/system"
    assert it.run_followed() == outcome
    told = [record.getMessage() for record in caplog.records if "has not returned" in record.getMessage()]
    assert [text.rpartition(" is ")[2] for text in told[:2]] == ["unknown", "between the hosts"]


def test_an_activity_that_cannot_be_read_is_not_gone() -> None:
    """Where nobody knows what the call said."""

    def fails() -> bool:
        raise error(libvirt.VIR_ERR_INTERNAL_ERROR, "no answer")

    it = course(running(), returned, NONE)
    it.guest.is_active = fails
    with pytest.raises(GuestLost, match="the guest is unknown"):
        it.run()
    gone = course(running(), returned, NONE)
    gone.guest.is_active = lambda: (_ for _ in ()).throw(error(libvirt.VIR_ERR_NO_DOMAIN))
    assert gone.run() == "post"
