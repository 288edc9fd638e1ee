"""What is added to how memory and disks travel, by the options of `[libvirt_migrate]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from nova.conf import CONF
from nova.virt.libvirt import guest as nova_guest

from libvirt_migrate import Guest
from libvirt_migrate._core import Engine
from libvirt_migrate.nova import convergence, transport
from libvirt_migrate.nova.guest import migrate

from .course import course, error

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]

SYNCHRONOUS = libvirt.VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES
LIVE = libvirt.VIR_MIGRATE_LIVE
DESTINATION = "qemu+tcp://127.0.0.1:1/system"


@pytest.fixture
def domain() -> Iterator[Any]:
    """A guest of libvirt's test driver."""
    connection = libvirt.open("test:///default")
    yield connection.lookupByName("test")
    connection.close()


@pytest.fixture
def sets() -> Iterator[Any]:
    """Sets an option of this package's for one test."""
    names: list[str] = []

    def override(name: str, value: Any) -> None:
        names.append(name)
        CONF.set_override(name, value, "libvirt_migrate")

    yield override
    for name in names:
        CONF.clear_override(name, "libvirt_migrate")


def chosen(domain: Any, flags: int, bandwidth: int = 0) -> transport.Way | None:
    return transport.choose(Guest(domain), DESTINATION, {"bandwidth": bandwidth}, flags)


@pytest.mark.parametrize("kind", ["VIR_MIGRATE_NON_SHARED_DISK", "VIR_MIGRATE_NON_SHARED_INC"])
def test_writes_to_copied_disks_wait_for_both_hosts_where_that_is_wanted(sets: Any, kind: str) -> None:
    copied = LIVE | getattr(libvirt, kind)
    assert transport.with_disks(copied) == copied
    sets("synchronous_disk_writes", True)
    assert transport.with_disks(copied) == copied | SYNCHRONOUS
    assert transport.with_disks(LIVE) == LIVE, "no disk is copied"


def test_a_link_that_nobody_knows_changes_nothing(domain: Any) -> None:
    assert chosen(domain, LIVE) is None


def test_a_choice_that_fails_changes_nothing(
    domain: Any, sets: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Flags that do not go together."""
    flags = LIVE | libvirt.VIR_MIGRATE_TUNNELLED | libvirt.VIR_MIGRATE_PARALLEL
    assert chosen(domain, flags) is None
    assert "How memory is to travel was not chosen" in caplog.text
    caplog.clear()
    sets("choose_transport", False)
    assert chosen(domain, flags) is None
    sets("choose_transport", True)
    assert chosen(domain, flags, bandwidth=10) is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("code", "message", "refuses"),
    [
        (libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "compression zstd is not supported", True),
        (libvirt.VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU command 'migrate-set-parameters': no", True),
        (libvirt.VIR_ERR_OPERATION_FAILED, "job 'migration out' failed", False),
    ],
)
def test_what_the_hosts_do_not_take_is_told_from_what_breaks(code: int, message: str, refuses: bool) -> None:
    assert transport.is_refusal(error(code, message)) is refuses


def test_a_way_that_is_refused_is_left(
    domain: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By libvirt's test driver, which takes none: Nova's own way is what its error is of."""
    ways: list[Any] = []

    def choose(guest: Any, destination: str, given: dict[str, Any], flags: int) -> Any:
        ways.append((given, flags))
        return given | {"parallel.connections": 2}, flags | libvirt.VIR_MIGRATE_PARALLEL

    monkeypatch.setattr(transport, "choose", choose)
    guest = nova_guest.Guest(domain)
    with pytest.raises(libvirt.libvirtError) as caught:
        migrate(guest, DESTINATION, flags=LIVE | libvirt.VIR_MIGRATE_PEER2PEER)
    assert caught.value.get_error_code() == libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED
    assert "Compressed memory was refused, so it is sent as it is" in caplog.text
    assert ways == [({"bandwidth": 0}, LIVE | libvirt.VIR_MIGRATE_PEER2PEER)]


def test_what_is_seen_of_the_link_is_kept_once_it_is_known_which_one_it_is(domain: Any) -> None:
    it = course()
    assert transport.learn(Engine(), it.guest) is False
    it.guest.migration_destination, it.guest._domain = DESTINATION, domain
    assert transport.learn(Engine(), it.guest) is True


def test_post_copy_is_bounded_where_it_is_automatic(sets: Any) -> None:
    sets("max_post_copy", 30)
    assert convergence.intent(2.0, True).max_post_copy is None
    sets("automatic_post_copy", True)
    assert convergence.intent(2.0, True).max_post_copy == 30
    assert convergence.intent(2.0, False).max_post_copy is None
