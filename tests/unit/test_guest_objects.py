"""A guest behind any Python object with libvirt-python's methods."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from libvirt_migrate import (
    Guest,
    InvalidParameter,
    LibvirtError,
    MigrateFlags,
    MigrationCancelled,
    MigrationError,
    MigrationFailed,
    build_migrate_params,
)

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
XML = (
    f"<domain><name>vm</name><uuid>{UUID}</uuid><devices><disk><target dev='vda'/></disk></devices></domain>"
)
DESTINATION = "qemu+tcp://host2/system"


class FakeLibvirtError(Exception):
    """An error with libvirt-python's accessors, as a fake of libvirt in a test has it."""

    def __init__(self, code: int, message: str = "as said") -> None:
        super().__init__(message)
        self.code = code

    def get_error_code(self) -> int:
        return self.code


FakeLibvirtError.__name__ = "libvirtError"


class Domain:
    """A domain in memory that notes what it is asked."""

    def __init__(self, *, failure: BaseException | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure = failure
        self.running = [1, 1]

    def name(self) -> str:
        return "vm"

    def UUIDString(self) -> str:
        return UUID

    def ID(self) -> int:
        return 7

    def isActive(self) -> int:
        return 1

    def state(self) -> list[int]:
        return self.running

    def XMLDesc(self, flags: int = 0) -> str:
        self.calls.append(("XMLDesc", flags))
        return XML

    def connect(self) -> Domain:
        return self

    def getLibVersion(self) -> int:
        return 9000000

    def jobStats(self, flags: int = 0) -> dict[str, Any]:
        self.calls.append(("jobStats", flags))
        return {
            "type": 2,
            "memory_total": 5,
            "success": True,
            "errmsg": "none",
            "auto_converge_throttle": 30,
            "brand_new": 1.5,
            "memory_bps": "odd",
        }

    def migrateToURI3(self, dconnuri: str, params: Any = None, flags: int = 0) -> int:
        self.calls.append(("migrateToURI3", dconnuri, params, flags))
        if self.failure is not None:
            raise self.failure
        return 0

    def __getattr__(self, name: str) -> Any:
        if name not in {
            "suspend",
            "resume",
            "abortJob",
            "abortJobFlags",
            "migrateSetMaxDowntime",
            "migrateStartPostCopy",
            "migrateSetMaxSpeed",
        }:
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))


def test_its_own_methods_are_called() -> None:
    domain = Domain()
    guest = Guest(domain)
    params = build_migrate_params(XML, migrate_disks=["vda"], destination=DESTINATION)
    guest.migrate(params)
    assert domain.calls == [
        ("XMLDesc", 0),
        ("migrateToURI3", DESTINATION, dict(params), int(params.flags)),
    ]
    assert type(domain.calls[1][3]) is int


def test_every_single_call_goes_through() -> None:
    domain = Domain()
    guest = Guest(domain)
    assert (guest.name, guest.uuid, guest.id, guest.is_active) == ("vm", UUID, 7, True)
    assert (guest.state.name, guest.state.reason, guest.state.code, guest.state.reason_code) == (
        "running",
        "booted",
        1,
        1,
    )
    assert str(guest.state) == "running (booted)"
    assert guest.xml() == XML
    guest.xml(inactive=True, migratable=True, secure=True)
    guest.suspend()
    guest.resume()
    guest.abort_job()
    guest.abort_job(post_copy=True)
    guest.set_max_downtime(0.3)
    guest.start_post_copy()
    guest.set_bandwidth(5)
    guest.set_bandwidth(6, post_copy=True)
    assert domain.calls == [
        ("XMLDesc", 0),
        ("XMLDesc", 11),
        ("suspend",),
        ("resume",),
        ("abortJob",),
        ("abortJobFlags", 1),
        ("migrateSetMaxDowntime", 300),
        ("migrateStartPostCopy",),
        ("migrateSetMaxSpeed", 5, 0),
        ("migrateSetMaxSpeed", 6, 1),
    ]
    assert repr(guest) == 'Guest("vm")'


def test_job_info_keeps_everything() -> None:
    info = Guest(Domain()).job_info()
    assert (info.type, info.type_name, info.memory_total, info.success) == (2, "unbounded", 5, True)
    assert (info.errmsg, info.auto_converge_throttle, info.data_total) == ("none", 30, None)
    # Unknown, or of a type that the statistic does not have.
    assert info.extra == {"brand_new": 1.5, "memory_bps": "odd"}
    assert info.to_dict() == {
        "type": 2,
        "memory_total": 5,
        "success": True,
        "errmsg": "none",
        "auto_converge_throttle": 30,
        "brand_new": 1.5,
        "memory_bps": "odd",
    }
    assert info == Guest(Domain()).job_info(completed=False)


def test_times_of_a_job_are_seconds_and_libvirts_own_are_kept() -> None:
    domain = Domain()
    told = {"type": 3, "time_elapsed": 3250, "downtime": 70, "setup_time": 0, "memory_bps": 70}
    domain.jobStats = lambda *_: told  # type: ignore[method-assign]
    info = Guest(domain).job_info()
    assert (info.time_elapsed, info.downtime, info.setup_time, info.memory_bps) == (3.25, 0.07, 0.0, 70)
    assert (info.time_remaining, info.downtime_net) == (None, None)
    assert info.to_dict() == told
    assert "'time_elapsed': 3.25" in repr(info)


def test_all_36_statistics_are_known() -> None:
    libvirt = pytest.importorskip("libvirt")
    names = {
        value
        for name, value in vars(libvirt).items()
        if name.startswith("VIR_DOMAIN_JOB_") and isinstance(value, str)
    }
    info = Guest(Domain()).job_info()
    assert len(names) >= 34
    assert all(hasattr(info, name) for name in names)
    told = [name for name in dir(info) if not name.startswith("_")]
    assert len(set(told) - {"type", "type_name", "extra", "to_dict"}) == 36


def test_a_plain_mapping_is_checked_in_the_same_way() -> None:
    domain = Domain()
    Guest(domain).migrate({"destination_xml": XML, "bandwidth": 5}, destination=DESTINATION)
    assert domain.calls[-1][2] == {"destination_xml": XML, "persistent_xml": XML, "bandwidth": 5}
    for params, named in [
        ({"persistent_xml": XML}, "persistent_xml"),
        ({"bogus": 1}, "bogus"),
        ({"bandwidth": -1}, "bandwidth"),
        ({"destination_xml": "<a/>"}, "destination_xml"),
        (None, "params"),
        ("xml", "params"),
    ]:
        before = list(domain.calls)
        with pytest.raises(ValueError, match=named):
            Guest(domain).migrate(params, destination=DESTINATION)  # type: ignore[arg-type]
        assert domain.calls == before


def test_destination_and_flags_can_be_overridden() -> None:
    domain = Domain()
    params = build_migrate_params(XML, destination="qemu+tcp://elsewhere/system")
    flags = params.flags | MigrateFlags.PAUSED
    Guest(domain).migrate(params, destination=DESTINATION, flags=flags)
    assert domain.calls[-1][1] == DESTINATION
    assert domain.calls[-1][3] == flags


REFUSED = [
    (build_migrate_params(XML), {}, ["destination", "missing"]),
    (build_migrate_params(XML.replace(">vm<", ">x<")), {}, ["destination_xml", '"x"', "destination_name"]),
    (build_migrate_params(XML.replace("4dea", "5dea")), {}, ["destination_xml", "uuid"]),
    (build_migrate_params(migrate_disks=["vdz"]), {}, ["migrate_disks", "vdz", "vda"]),
    (
        build_migrate_params(bandwidth_avail_switchover=5),
        {},
        ["bandwidth.avail.switchover", "11.1.0", "9.0.0"],
    ),
    (build_migrate_params(), {"flags": 1 << 25}, ["flags"]),
]


@pytest.mark.parametrize(("params", "more", "named"), REFUSED, ids=[str(case[2]) for case in REFUSED])
def test_what_does_not_fit_the_guest_never_reaches_it(params: Any, more: Any, named: list[str]) -> None:
    domain = Domain()
    if "missing" not in named:
        more = {"destination": DESTINATION, **more}
    with pytest.raises(InvalidParameter) as caught:
        Guest(domain).migrate(params, **more)
    assert all(part in str(caught.value) for part in named), str(caught.value)
    assert not any(call[0] == "migrateToURI3" for call in domain.calls)


def test_a_guest_that_is_shut_off_is_refused() -> None:
    domain = Domain()
    domain.running = [5, 1]
    with pytest.raises(LibvirtError, match="vm is shut off") as caught:
        Guest(domain).migrate({}, destination=DESTINATION)
    assert caught.value.code == 55
    assert domain.calls == []


@pytest.mark.parametrize("thing", [None, 5, "vm1", object(), Domain])
def test_what_is_no_domain_is_refused(thing: Any) -> None:
    if thing is Domain:
        thing = mock.NonCallableMock(spec=["name"])
    with pytest.raises(InvalidParameter, match="not a domain"):
        Guest(thing)


def test_a_mock_tells_nothing_and_is_asked_all_the_same() -> None:
    domain = mock.MagicMock()
    Guest(domain).migrate({"bandwidth": 5}, destination=DESTINATION, flags=1)
    domain.migrateToURI3.assert_called_once_with(DESTINATION, params={"bandwidth": 5}, flags=1)
    strict = mock.Mock(spec=["name", "migrateToURI3"])
    Guest(strict).migrate({"bandwidth": 5}, destination=DESTINATION, flags=1)
    strict.migrateToURI3.assert_called_once()


def test_a_failure_is_ours_and_the_objects_own() -> None:
    domain = Domain(failure=FakeLibvirtError(38, "no route"))
    with pytest.raises(MigrationFailed) as caught:
        Guest(domain).migrate({}, destination=DESTINATION)
    error = caught.value
    assert isinstance(error, FakeLibvirtError)
    assert isinstance(error, MigrationError)
    assert (error.code, error.guest_location) == (38, "source-running")
    assert "no route" in str(error)
    assert "source-running" in str(error)
    assert error.__cause__ is domain.failure
    with pytest.raises(MigrationCancelled) as caught_cancel:
        Guest(Domain(failure=FakeLibvirtError(78))).migrate({}, destination=DESTINATION)
    assert caught_cancel.value.guest_location == "source-running"


def test_errors_that_are_not_libvirts_stay_as_they_are() -> None:
    failure = ZeroDivisionError("in the object")
    with pytest.raises(ZeroDivisionError) as caught:
        Guest(Domain(failure=failure)).migrate({}, destination=DESTINATION)
    assert caught.value is failure


def test_an_interrupt_from_within_aborts_the_job() -> None:
    domain = Domain(failure=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        Guest(domain).migrate({}, destination=DESTINATION)
    assert domain.calls[-1] == ("abortJob",)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 2000.1])
def test_absurd_downtimes_are_refused(seconds: float) -> None:
    domain = Domain()
    with pytest.raises(InvalidParameter, match="seconds"):
        Guest(domain).set_max_downtime(seconds)
    assert domain.calls == []


@pytest.mark.parametrize("bandwidth", [-1, 1 << 43, 1.5, "5"])
def test_absurd_bandwidths_are_refused(bandwidth: Any) -> None:
    domain = Domain()
    with pytest.raises(InvalidParameter, match="mib_per_second"):
        Guest(domain).set_bandwidth(bandwidth)
    assert domain.calls == []
