"""The checks, with hosts that answer what a test wants: every result of each, and what is not known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import CAPABILITIES, UUID, XML, answering, definition, known_names, pair, refusal
from libvirt_migrate import MigrateFlags, build_migrate_params
from libvirt_migrate.cli.checks import run as checks
from libvirt_migrate.cli.checks.destination import check_destination


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead where a test says."""
    known_names(monkeypatch)


def job(kind: str = "none", operation: int = 0) -> Any:
    return answering(SimpleNamespace(type_name=kind, operation=operation))


@pytest.mark.parametrize(
    ("active", "info", "result", "reason"),
    [
        (True, job(), "pass", "is running"),
        (False, job(), "fail", "only a guest that runs or is paused can be moved"),
        (True, job("unbounded", 5), "fail", "is being migrated already; libvirt-migrate watch follows it"),
        (True, job("bounded", 3), "fail", "has a job"),
        (True, answering(refusal(68, "a lock")), "not known", "whether it has a job: a lock"),
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


def known(name: str = "vm", uuid: str = UUID, *, active: bool = False, saved: Any = False) -> Any:
    class Guest(SimpleNamespace):
        has_managed_save = property(lambda _: answering(saved)())

    return Guest(name=name, uuid=uuid, is_active=active)


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
    ("saved", "result", "reason"),
    [
        (True, "fail", "virsh managedsave-remove it there"),
        (refusal(38, "no answer"), "not known", "whether it has a managed save: no answer"),
    ],
)
def test_a_managed_save_at_the_destination(saved: Any, result: str, reason: str) -> None:
    there = SimpleNamespace(guest=answering(known(saved=saved)))
    check = checks.check_identity(pair(None, there, known()))
    assert (check.result, check.fatal) == (result, False)
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
    where = pair(None, host)
    (check,) = checks.check_persistent(where, [], XML.format(more="", devices=kept))
    assert check.result == "fail"
    reason = "the next start would fail: vnc listens at 192.0.2.1, which is the source's"
    assert check.reason.startswith(reason)
    (check,) = checks.check_persistent(where, [], XML.format(more="", devices=""))
    assert check.result == "pass"


def test_what_is_not_known_of_both_definitions_is_told_once() -> None:
    host = SimpleNamespace(check_definition=answering(None))
    where, listening = pair(None, host), "<graphics type='vnc' listen='192.0.2.9'/>"
    xml = XML.format(more="", devices=listening)
    now = [*check_destination(pair(None, _without_memory(), known()), definition(listening))]
    assert [check.result for check in now if check.name == "addresses"] == ["not known"]
    assert [check.result for check in checks.check_persistent(where, now, xml)] == ["pass"]
    (_, check) = checks.check_persistent(where, [], xml)
    assert (check.name, check.result) == ("persistent-definition", "not known")
    assert check.reason.startswith("the next start: vnc listens at 192.0.2.9")


def _without_memory() -> Any:
    class Host:
        free_memory = property(lambda _: answering(refusal(3))())
        capabilities = staticmethod(answering(refusal(3)))

    return Host()


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
