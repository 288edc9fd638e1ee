"""What the source's libvirt says, as checks: each answer, and what is not known."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import XML, answering, definition, pair, refusal
from libvirt_migrate import Guest, LibvirtError, MigrateFlags, build_migrate_params
from libvirt_migrate.cli.checks import kept as check_kept
from libvirt_migrate.cli.checks import route as check_route
from libvirt_migrate.cli.checks.source import Asked, ask_source, check_shared_storage, check_source
from libvirt_migrate.cli.planning import word

URI = "qemu+tcp://host2/system"
UNSAFE = refusal(81, "unsafe without shared storage")


class Source:
    """A guest whose libvirt says this when it is asked; `None` is that it would begin."""

    def __init__(self, *answers: LibvirtError | None) -> None:
        self._answers = list(answers)
        self.flags: list[int] = []

    def check_migration(self, params: Any, *, flags: int) -> None:
        self.flags.append(flags)
        answer = self._answers.pop(0)
        if answer is not None:
            raise answer


def params(**more: Any) -> Any:
    return build_migrate_params(XML.format(more="", devices=""), destination=URI, **more)


def asked(*answers: LibvirtError | None) -> Asked:
    return ask_source(pair(guest=Source(*answers)), params(), is_free=True)


@pytest.mark.parametrize(
    ("answers", "expected", "result"),
    [
        ((None,), Asked(), "pass"),
        ((refusal(55, "has 2 snapshots"),), Asked(refusal="has 2 snapshots"), "fail"),
        ((refusal(68, "a lock"),), Asked(silence="a lock"), "not known"),
        ((refusal(39, "gone"),), Asked(silence="gone"), "not known"),
        ((UNSAFE, None), Asked(fear="unsafe without shared storage"), "pass"),
        ((UNSAFE, refusal(67, "ABI")), Asked(refusal="ABI", fear="unsafe without shared storage"), "fail"),
    ],
)
def test_the_source(answers: Any, expected: Asked, result: str) -> None:
    said = asked(*answers)
    assert said == expected
    check = check_source(said)
    assert (check.result, check.fatal) == (result, result == "fail")


def test_it_is_asked_step_by_step_and_then_past_its_fear() -> None:
    source = Source(UNSAFE, None)
    ask_source(pair(guest=source), params(), is_free=True)
    first, second = source.flags
    assert not first & MigrateFlags.PEER2PEER
    assert second == first | MigrateFlags.UNSAFE


def test_it_is_not_asked_where_it_would_wait_or_cannot_be() -> None:
    source = Source()
    tunnel = params(flags=MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.TUNNELLED)
    for how, free in ((params(), False), (tunnel, True)):
        said = ask_source(pair(guest=source), how, is_free=free)
        assert check_source(said).result == "not known"
    assert source.flags == []


DISK = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
NETWORK = "<disk type='network'><source name='a'/><target dev='vda'/></disk>"
READ_ONLY = DISK.replace("</disk>", "<readonly/></disk>")


@pytest.mark.parametrize(
    ("devices", "said", "more", "result", "reason"),
    [
        (DISK, Asked(), {}, "pass", "vda: libvirt takes it for shared"),
        (DISK, Asked(fear="unsafe"), {}, "fail", "--copy-storage vda, or --unsafe"),
        (DISK, Asked(refusal="a job"), {}, "not known", "has not come to look at it"),
        (DISK, Asked(silence="gone"), {}, "not known", "has not come to look at it"),
        (DISK, Asked(), {"flags": MigrateFlags.LIVE | MigrateFlags.UNSAFE}, "not known", "does not look"),
        (DISK, Asked(), {"migrate_disks": ["vda"]}, "pass", "no disk has to be shared"),
        (NETWORK, Asked(), {}, "pass", "no disk has to be shared"),
        (READ_ONLY, Asked(), {}, "pass", "no disk has to be shared"),
    ],
)
def test_shared_storage(devices: str, said: Asked, more: Any, result: str, reason: str) -> None:
    (check,) = check_shared_storage(said, definition(devices), params(**more))
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


LOST = refusal(38, "End of file while reading data: : Input/output error")
SSH = refusal(38, "End of file while reading data: Host key verification failed.: Input/output error")


@pytest.mark.parametrize(
    ("answers", "result", "reason"),
    [
        ([None], "pass", "the source's daemon reaches qemu+tcp://host2/system"),
        ([refusal(38, "no route")], "fail", "does not reach qemu+tcp://host2/system: no route"),
        ([SSH], "fail", "Host key verification failed"),
        # libvirt loses its answer now and then, where it goes by ssh.
        ([LOST, LOST, None], "pass", "reaches"),
        ([LOST, refusal(38, "no route")], "fail", "no route"),
        (6 * [LOST], "not known", "has lost its own answer"),
    ],
)
def test_the_route(monkeypatch: pytest.MonkeyPatch, answers: Any, result: str, reason: str) -> None:
    monkeypatch.setattr(check_route, "own_guest", answering(Source(*answers)))
    check = check_route.check_route(pair(), params(), Asked())
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


def test_a_route_that_swallows_everything_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    silent: Any = SimpleNamespace(check_migration=lambda *_, **__: done.wait(60))
    monkeypatch.setattr(check_route, "own_guest", answering(silent))
    monkeypatch.setattr(check_route, "PATIENCE", 0.05)
    check = check_route.check_route(pair(), params(), Asked())
    done.set()
    assert check.result == "not known"
    assert "until then the guest has a job" in check.reason


def test_the_route_of_what_is_refused_is_not_asked_for() -> None:
    check = check_route.check_route(pair(), params(), Asked(refusal="a job"))
    assert check.result == "not known"
    assert "virsh -c qemu+tcp://host2/system hostname" in check.reason


def keeping(snapshots: Any = 0, checkpoints: Any = 0, *, block_job: Any = False) -> Any:
    class Kept:
        snapshot_count = property(lambda _: answering(snapshots)())
        checkpoint_count = property(lambda _: answering(checkpoints)())
        has_block_job = staticmethod(answering(block_job))

    return Kept()


@pytest.mark.parametrize(
    ("guest", "result", "reason"),
    [
        (keeping(), "pass", "has none, and no checkpoints"),
        (keeping(1), "fail", "has a snapshot, and no libvirt migrates that"),
        (keeping(3), "fail", "has 3 snapshots"),
        (keeping(0, 2), "pass", "has none; 2 checkpoints will be defined there as well"),
        (keeping(refusal(38, "gone")), "not known", "gone"),
        (keeping(0, refusal(38, "gone")), "not known", "gone"),
    ],
)
def test_snapshots(guest: Guest, result: str, reason: str) -> None:
    check = check_kept.check_snapshots(guest)
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


@pytest.mark.parametrize(
    ("devices", "job", "result", "reason"),
    [
        (DISK, False, "pass", "none works on a disk"),
        (DISK, True, "fail", "a block job works on vda"),
        (DISK, refusal(68, "a lock"), "not known", "vda: a lock"),
        ("", True, "pass", "none works on a disk"),
    ],
)
def test_block_jobs(devices: str, job: Any, result: str, reason: str) -> None:
    check = check_kept.check_block_jobs(keeping(block_job=job), definition(devices))
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


@pytest.mark.parametrize(
    ("failed", "unknown", "expected"),
    [
        (0, 0, "ready to migrate"),
        (0, 1, "ready to migrate as far as is known: 1 check could not be made"),
        (0, 2, "ready to migrate as far as is known: 2 checks could not be made"),
        (1, 0, "1 check failed"),
        (2, 1, "2 checks failed, and 1 check could not be made"),
    ],
)
def test_the_word(failed: int, unknown: int, expected: str) -> None:
    assert word(failed, unknown) == expected
