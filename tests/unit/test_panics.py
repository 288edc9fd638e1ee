"""A panic of the native module is an exception, and ends neither the process nor what others do in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from helpers.migrating import MIB, MigratingDomain, eventually, memory
from libvirt_migrate import Guest, MigrationError, _core

DESTINATION = "qemu+tcp://host2/system"
_panic: Any = getattr(_core, "_panic", None)

pytestmark = pytest.mark.skipif(_panic is None, reason="built for users: nothing panics on purpose")


def panic(*, released: bool = False) -> BaseException:
    """The exception that a panic is."""
    try:
        _panic(released=released)
    except BaseException as error:
        return error
    raise AssertionError("it did not panic")


@pytest.mark.parametrize("released", [False, True])
def test_a_panic_is_an_exception_that_nobody_takes_for_an_error(*, released: bool) -> None:
    for _ in range(100):
        error = panic(released=released)
        assert type(error).__name__ == "PanicException"
        assert not isinstance(error, Exception)
        assert str(error) == "on purpose"
    assert_others_go_on()


def assert_others_go_on() -> None:
    domain = MigratingDomain()
    told: list[object] = []
    migration = Guest(domain).start_migration({}, destination=DESTINATION, on_end=told.append)
    domain.wait_for_call()
    domain.stats = memory(1, 100 * MIB)
    eventually(lambda: migration.progress.iteration == 1, "progress")
    domain.end()
    outcome = migration.result()
    assert outcome.guest_location == "destination-running"
    eventually(lambda: told == [outcome], "the news of the end")


class Panicking(MigratingDomain):
    """A domain whose method of this name panics: the native module meets it in the middle of a call."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.panics = 0
        self.armed = False

        def panicking(*_: Any, **__: Any) -> None:
            if not self.armed:
                return getattr(MigratingDomain, method)(self, *_, **__)  # type: ignore[no-any-return]
            self.panics += 1
            raise panic()

        setattr(self, method, panicking)


@pytest.mark.parametrize("method", ["jobStats", "state", "suspend", "migrateSetMaxDowntime"])
def test_a_panic_on_a_thread_of_the_package_ends_no_migration(method: str) -> None:
    domain = Panicking(method)
    migration = Guest(domain).start_migration({}, destination=DESTINATION)
    domain.wait_for_call()
    domain.stats = memory(1, 100 * MIB)
    eventually(lambda: migration.progress.iteration == 1, "progress")
    domain.armed = True
    if method == "jobStats":
        eventually(lambda: domain.panics > 2, "panics of the watcher's questions")
    elif method != "state":
        # The caller's own order fails with the fault.
        with pytest.raises(BaseException, match="on purpose"):
            migration.force_complete() if method == "suspend" else migration.set_max_downtime(1)
    assert_others_go_on()
    domain.end(9 if method == "state" else None)
    if method == "state":
        # Nobody knows where the guest is then, and libvirt's own error is told with that.
        with pytest.raises(MigrationError, match=r"as said \(the guest is unknown\)") as caught:
            migration.result()
        assert domain.panics > 0, caught
    else:
        assert migration.result().guest_location == "destination-running"
    assert_others_go_on()


def test_a_panic_in_the_call_itself() -> None:
    ways: list[Callable[[Guest], object]] = [
        lambda guest: guest.start_migration({}, destination=DESTINATION).result(),
        lambda guest: guest.migrate({}, destination=DESTINATION),
    ]
    for migrate in ways:
        domain = Panicking("migrateToURI3")
        domain.armed = True
        with pytest.raises(BaseException, match="on purpose"):
            migrate(Guest(domain))
        assert domain.panics == 1
        assert_others_go_on()


def test_a_panic_in_a_single_call_is_the_callers() -> None:
    domain = Panicking("suspend")
    domain.armed = True
    with pytest.raises(BaseException, match="on purpose"):
        Guest(domain).suspend()
    assert Guest(MigratingDomain()).name == "vm"


def test_a_panic_in_a_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def callback(_: object) -> None:
        raise panic()

    domain = MigratingDomain()
    migration = Guest(domain).start_migration(
        {}, destination=DESTINATION, on_progress=callback, on_switchover=callback, on_end=callback
    )
    domain.wait_for_call()
    domain.end()
    migration.result()
    eventually(lambda: "in on_end, which changes nothing" in caplog.text, "the log of the last callback")
    levels = {record.levelno for record in caplog.records if "changes nothing" in record.getMessage()}
    assert levels == {logging.ERROR}
    assert_others_go_on()


def test_no_panic_of_libvirts_errors() -> None:
    """What an ordinary error is, beside the panics."""
    domain = MigratingDomain()
    domain.end(1)
    with pytest.raises(MigrationError):
        Guest(domain).migrate({}, destination=DESTINATION)
