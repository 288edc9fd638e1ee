"""The checks, with hosts that answer what a test wants: every result of each, and what is not known."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from libvirt_migrate import LibvirtError, MigrateFlags, build_migrate_params
from libvirt_migrate.cli import check_addresses, checks
from libvirt_migrate.cli.check_storage import check_storage
from libvirt_migrate.cli.checking import Check, Pair
from libvirt_migrate.cli.definition import read_definition

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
XML = f"""<domain type='kvm'><name>vm</name><uuid>{UUID}</uuid><memory>4194304</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>{{more}}<devices>{{devices}}</devices></domain>"""
CAPABILITIES = "<capabilities><host><uuid>x</uuid>{cpu}</host></capabilities>"
ADDRESSES = {"host1": "192.0.2.1", "host2": "192.0.2.2"}


def definition(devices: str = "", more: str = "") -> Any:
    return read_definition(XML.format(devices=devices, more=more))


def refusal(code: int, message: str = "as said") -> LibvirtError:
    return LibvirtError((code, 0, message, 2, None, None, None, 0, 0))


def answering(result: Any) -> Any:
    """A method that returns this, or raises it."""

    def method(*_: Any, **__: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return method


def pair(source: Any = None, destination: Any = None, guest: Any = None, **uris: Any) -> Pair:
    where = {"source_uri": "qemu+tcp://host1/system", "destination_uri": "qemu+tcp://host2/system", **uris}
    return Pair(guest, source, destination, **where)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead where a test says."""
    real = socket.getaddrinfo

    def look_up(host: str, port: None) -> Any:
        return real(ADDRESSES.get(host, host), port, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr("socket.getaddrinfo", look_up)


def job(kind: str = "none", operation: int = 0) -> Any:
    return answering(SimpleNamespace(type_name=kind, operation=operation))


@pytest.mark.parametrize(
    ("active", "info", "result", "reason"),
    [
        (True, job(), "pass", "is running"),
        (False, job(), "fail", "only a guest that runs or is paused can be moved"),
        (True, job("unbounded", 5), "fail", "is being migrated already; libvirt-migrate watch follows it"),
        (True, job("bounded", 3), "fail", "has a job"),
    ],
)
def test_the_guest(active: bool, info: Any, result: str, reason: str) -> None:
    guest: Any = SimpleNamespace(state="running", is_active=active, job_info=info)
    check = checks.check_state(guest)
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


@pytest.mark.parametrize(
    ("source", "destination", "role"),
    [((8, 9, 0), (12, 0, 0), "source"), ((12, 0, 0), (8, 9, 0), "destination"), ((9, 4, 0), (9, 4, 0), None)],
)
def test_parameters_that_one_libvirt_lacks(source: Any, destination: Any, role: str | None) -> None:
    flags = MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.COMPRESSED | MigrateFlags.PARALLEL
    params = build_migrate_params(
        XML.format(more="", devices=""),
        destination="qemu+tcp://host2/system",
        flags=flags,
        compression=["zlib"],
        parallel_connections=2,
    )
    hosts = [SimpleNamespace(libvirt_version=version) for version in (source, destination)]
    check = checks.check_versions(pair(*hosts), params)
    assert check.result == ("fail" if role else "pass")
    if role:
        assert check.fatal
        assert "compression: needs libvirt 9.4.0" in check.reason
        assert f"the {role} has 8.9.0" in check.reason


def known(name: str = "vm", uuid: str = UUID, *, active: bool = False) -> Any:
    return SimpleNamespace(name=name, uuid=uuid, is_active=active)


@pytest.mark.parametrize(
    ("there", "result", "reason"),
    [
        (None, "pass", "name and uuid are free"),
        (known(), "pass", "its definition will be replaced"),
        (known(active=True), "fail", "vm runs at the destination already"),
        (known(uuid="other"), "fail", "has a guest vm with uuid other: undefine it there first"),
        (known(name="other"), "fail", "has a guest other"),
    ],
)
def test_name_and_uuid(there: Any, result: str, reason: str) -> None:
    check = checks.check_identity(pair(None, SimpleNamespace(guest=answering(there)), known()))
    assert (check.result, check.fatal) == (result, result == "fail")
    assert reason in check.reason


@pytest.mark.parametrize(
    ("answer", "result"),
    [(None, "pass"), (refusal(3), "not known"), (refusal(67, "no network"), "fail")],
)
def test_definitions(answer: Any, result: str) -> None:
    host: Any = SimpleNamespace(check_definition=answering(answer))
    check = checks.check_accepted("definition", host, "<domain/>")
    assert (check.result, check.fatal) == (result, False)
    assert ("no network" in check.reason) == (result == "fail")


def test_a_persistent_definition_that_would_not_start() -> None:
    host = SimpleNamespace(check_definition=answering(None))
    kept = "<graphics type='vnc' listen='192.0.2.1'/>"
    check = checks.check_persistent(pair(None, host), XML.format(more="", devices=kept))
    assert check.result == "fail"
    reason = "the next start would fail: vnc listens at 192.0.2.1, which is the source's"
    assert check.reason.startswith(reason)
    assert checks.check_persistent(pair(None, host), XML.format(more="", devices="")).result == "pass"


CUSTOM, HOST = "<cpu mode='custom'><model>x</model></cpu>", "<cpu mode='host-passthrough'/>"


@pytest.mark.parametrize(
    ("cpu", "answer", "result", "reason"),
    [
        ("", "identical", "pass", "the guest asks for none"),
        (CUSTOM, "identical", "pass", "has the guest's processor"),
        (CUSTOM, "superset", "pass", "and more"),
        (CUSTOM, "incompatible", "fail", "lacks something of the guest's processor"),
        (CUSTOM, refusal(1, "no idea"), "not known", "no idea"),
        (HOST, "superset", "pass", "has the source's processor and more"),
        (HOST, "incompatible", "fail", "lacks something of the source's processor"),
    ],
)
def test_processors(cpu: str, answer: Any, result: str, reason: str) -> None:
    source = SimpleNamespace(capabilities=answering(CAPABILITIES.format(cpu="<cpu/>")))
    destination = SimpleNamespace(compare_cpu=answering(answer))
    check = checks.check_cpu(pair(source, destination), definition(more=cpu))
    assert check.result == result
    assert reason in check.reason


def test_a_source_that_hides_its_processor() -> None:
    source = SimpleNamespace(capabilities=answering(CAPABILITIES.format(cpu="")))
    assert checks.check_cpu(pair(source), definition(more=HOST)).result == "not known"


DISK = "<disk type='{kind}'><source {source}/><target dev='{target}'/></disk>"
FILE = DISK.format(kind="file", source="file='/images/a'", target="vda")


@pytest.mark.parametrize(
    ("devices", "volume", "copied", "expected"),
    [
        ("", False, [], [("pass", "no disks")]),
        (FILE, True, [], [("pass", "vda (/images/a): a storage pool of the destination has it")]),
        (FILE, False, [], [("not known", "it must be shared, or --copy-storage vda")]),
        (FILE, refusal(1), [], [("not known", "it must be shared")]),
        (FILE, True, ["vda"], [("pass", "is copied")]),
        (FILE, False, ["vda"], [("not known", "its file must be there already")]),
        (FILE, True, ["vda", "vdb"], [("fail", "vdb is to be copied"), ("pass", "is copied")]),
        (
            DISK.format(kind="network", source="name='pool/a'", target="vda"),
            True,
            [],
            [("not known", "vda (network): does the destination reach it too?")],
        ),
        ("<disk type='file' device='cdrom'><target dev='sda'/></disk>", False, [], [("pass", "no disks")]),
    ],
)
def test_disks(devices: str, volume: Any, copied: list[str], expected: list[tuple[str, str]]) -> None:
    host: Any = SimpleNamespace(has_volume=answering(volume))
    found = list(check_storage(host, definition(devices), {"migrate_disks": copied}))  # type: ignore[arg-type]
    assert [check.result for check in found] == [result for result, _ in expected]
    for check, (_, reason) in zip(found, expected, strict=True):
        assert reason in check.reason


def listening(address: str, where: Pair) -> list[Check]:
    devices = f"<graphics type='vnc' listen='{address}'/>"
    return list(check_addresses.check_addresses(where, definition(devices)))


@pytest.mark.parametrize(
    ("address", "result", "reason"),
    [
        ("::", "pass", "which every host has"),
        ("::1", "pass", "which every host has"),
        ("192.0.2.2", "pass", "which is the destination's"),
        ("host2", "pass", "which is the destination's"),
        ("192.0.2.1", "fail", "which is the source's: --set graphics.listen={host}"),
        ("host1", "fail", "which is the source's"),
        ("192.0.2.9", "not known", "does the destination have that?"),
        ("nowhere", "not known", "has no address here"),
    ],
)
def test_addresses(address: str, result: str, reason: str) -> None:
    (check,) = listening(address, pair())
    assert check.result == result
    assert reason in check.reason


def test_the_addresses_of_this_machine_are_known() -> None:
    # No other address is certain to be this machine's.
    where = pair(source_uri=None)
    hosts = check_addresses._Hosts.of(where)
    assert hosts.are_source({"127.0.0.1"})
    assert not hosts.are_source({"192.0.2.9"})
    assert not check_addresses._Hosts.of(pair()).are_source({"127.0.0.1"})


def test_a_serial_line_listens_too() -> None:
    devices = "<serial type='tcp'><source mode='bind' host='192.0.2.1' service='1'/></serial>"
    (check,) = check_addresses.check_addresses(pair(), definition(devices))
    assert (check.result, "--set serial.address={host}" in check.reason) == ("fail", True)
    (check,) = check_addresses.check_addresses(pair(), definition())
    assert check.reason == "nothing of the guest listens"


@pytest.mark.parametrize(
    ("free", "result"), [(4 << 30, "pass"), ((4 << 30) - 1, "fail"), (refusal(3), "not known")]
)
def test_memory(free: Any, result: str) -> None:
    class Host:
        free_memory = property(lambda _: answering(free)())

    host: Any = Host()
    check = checks.check_memory(host, definition())
    assert (check.result, check.fatal) == (result, False)
    if result != "not known":
        assert check.reason.startswith("4.0 GiB needed, ")
