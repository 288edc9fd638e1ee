"""`Retarget`, `retarget_xml` and `diff_xml` from Python. The rules of each step are tested in Rust."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libvirt_migrate import (
    InvalidDomainXml,
    InvalidParameter,
    MigrationError,
    Retarget,
    build_migrate_params,
    diff_xml,
    retarget_pair,
    retarget_xml,
)

TESTS = Path(__file__).parents[1]
NOVA = (TESTS / "definitions" / "nova-q35.xml").read_text()
EVERY_STEP: dict[str, Any] = json.loads((TESTS / "rust" / "support" / "every-step.json").read_text())


@pytest.mark.parametrize("name", ["nova-q35", "odd", "flat"])
def test_no_edit_gives_the_same_text(name: str) -> None:
    content = (TESTS / "definitions" / f"{name}.xml").read_bytes()
    assert retarget_xml(content, Retarget()).encode() == content
    assert retarget_xml(content.decode(), Retarget()).encode() == content
    assert diff_xml(content, content) == ()


def test_every_step_at_once_is_every_step_alone() -> None:
    at_once = retarget_xml(NOVA, Retarget(**EVERY_STEP))
    alone = NOVA
    for name, value in EVERY_STEP.items():
        alone = retarget_xml(alone, Retarget(**{name: value}))
    assert at_once == alone != NOVA
    build_migrate_params(at_once)


def test_the_two_definitions_of_a_guest() -> None:
    plugged = "<disk type='block'><source dev='/dev/old'/><target dev='vdh'/></disk></devices>"
    live = NOVA.replace("</devices>\n</domain>", f"{plugged}\n</domain>")
    disk = {"match": {"target": "vdh"}, "xml": "<disk type='block'><source dev='/dev/new'/></disk>"}
    retarget = Retarget(disks=[disk], cpu_shares=512)
    both = retarget_pair(live.encode(), NOVA, retarget)
    assert both == (retarget_xml(live, retarget), retarget_xml(NOVA, Retarget(cpu_shares=512)))
    assert "/dev/new" in both[0]
    assert "vdh" not in both[1]
    with pytest.raises(InvalidDomainXml, match=r'^xml: the guest has no disk with target "vdh"'):
        retarget_pair(NOVA, NOVA, retarget)
    with pytest.raises(InvalidDomainXml, match=r"^persistent_xml: "):
        retarget_pair(NOVA, "<domain>", retarget)
    with pytest.raises(InvalidParameter, match="persistent_xml: takes str or bytes"):
        retarget_pair(NOVA, None, retarget)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="retarget"):
        retarget_pair(NOVA, NOVA, {})  # type: ignore[arg-type]


def test_a_change_and_its_text() -> None:
    after = retarget_xml(NOVA, Retarget(graphics={"vnc": "10.0.0.2"}, cpu_shares="remove"))
    shares, listen, address = diff_xml(NOVA, after)
    assert (listen.path, listen.before, listen.after) == (
        "/domain/devices/graphics[vnc]/@listen",
        "192.0.2.10",
        "10.0.0.2",
    )
    assert str(listen) == "/domain/devices/graphics[vnc]/@listen: '192.0.2.10' -> '10.0.0.2'"
    assert str(shares) == "/domain/cputune/shares: removed '<shares>2048</shares>'"
    assert shares.after is None
    assert str(listen) in repr(listen)
    assert len({listen, address, diff_xml(NOVA, after)[1]}) == 2


def test_json_and_dictionaries() -> None:
    one = Retarget(**EVERY_STEP)
    assert one == Retarget.from_json(one.to_json()) == Retarget.from_dict(one.to_dict())
    assert one.to_dict() == json.loads(one.to_json())
    assert one != Retarget()
    assert Retarget(graphics=None, disks=[], numa={"vcpu_pins": {0: "1-2"}}).to_dict() == {
        "numa": {"vcpu_pins": {"0": "1-2"}}
    }


def test_each_field_is_documented() -> None:
    text = (TESTS.parent / "docs" / "retarget.md").read_text()
    cells = " ".join(re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)).replace("[]", "")
    documented = set(re.findall(r"`([^`]+)`", cells))

    def names(value: Any, prefix: str = "") -> set[str]:
        if isinstance(value, list):
            return set().union(*(names(item, prefix) for item in value)) if value else set()
        if not isinstance(value, dict) or re.search(
            r"(^|\.)(match|monitors|\w+_pins|ports|mdevs|pci)\.$", prefix
        ):
            return set()
        found = {prefix + name for name in value}
        return found.union(*(names(item, f"{prefix}{name}.") for name, item in value.items()))

    full = dict(EVERY_STEP, pci={"25:00.0": "26:00.0"}, vpmem=["/dev/dax0.0"])
    full["memory_backing"] = {"file_backed": True, "discard": True, "drop_memfd": False}
    full["rbd"] = dict(full["rbd"], disks=["vda"])
    full["numa"]["vcpu_sched"]["scheduler"] = "rr"
    ports = {"vnc_port": 1, "vnc_websocket": 2, "spice_port": 3, "spice_tls_port": "auto", "rdp_port": 4}
    full["graphics"] = full["graphics"] | ports
    full["listeners"] = {"address": "::", "ports": {5: 6}}
    full["firmware"] = {"loader": "/l", "nvram": "/n", "template": "/t"}
    full = Retarget(**full).to_dict()
    assert documented == names(full)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"graphics": []}, "graphics"),
    ({"graphics": {"vnc": 1}}, "graphics.vnc"),
    ({"graphics": {1.5: "a"}}, "graphics"),
    ({"graphics": "10.0.0.1"}, "graphics"),
    ({"graphics": {"vnc": "\ud800"}}, "graphics"),
    ({"serial": {"ports": [1 << 70]}}, "serial"),
    ({"serial": {"ports": [True]}}, "serial.ports[0]"),
    ({"cpu_shares": 1.5}, "cpu_shares"),
    ({"cpu_shares": True}, "cpu_shares"),
    ({"cpu_shares": -1}, "cpu_shares"),
    ({"cpu_shares": 1}, "cpu_shares"),
    ({"graphics": {"vnc_port": "5901"}}, "graphics.vnc_port"),
    ({"listeners": {"ports": {5: "6"}}}, "listeners.ports.5"),
    ({"emulator": "qemu"}, "emulator"),
    ({"firmware": {"loader": "\uffff"}}, "firmware.loader"),
    ({"disks": [{"match": {"alias": "virtio-disk0"}, "xml": "<disk/>"}]}, "disks[0].match.alias"),
    ({"numa": {"vcpu_pins": {0: "1", "0": "2"}}}, "numa"),
    ({"disks": object()}, "disks"),
    ({"vpmem": b"/dev/dax"}, "vpmem[0]"),
]


@pytest.mark.parametrize(("fields", "name"), BAD, ids=lambda value: str(value)[:40])
def test_bad_fields_are_named(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Retarget(**fields)
    assert caught.value.name == name
    with pytest.raises(MigrationError):
        Retarget.from_dict(fields)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidParameter):
        Retarget(perf_events=endless)


def test_unknown_keywords_are_no_fields() -> None:
    with pytest.raises(TypeError):
        Retarget(grafics={})  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Retarget({})  # type: ignore[call-arg]
    with pytest.raises(InvalidParameter, match="retarget"):
        retarget_xml(NOVA, {"graphics": {}})  # type: ignore[arg-type]
    for xml in (None, 5, bytearray(b"<domain/>")):
        with pytest.raises(InvalidParameter, match="xml: takes str or bytes"):
            retarget_xml(xml, Retarget())  # type: ignore[arg-type]


def test_an_error_says_where() -> None:
    with pytest.raises(InvalidDomainXml) as caught:
        retarget_xml(NOVA, Retarget(pci={"0000:99:00.0": "0000:98:00.0"}))
    assert "0000:99:00.0" in caught.value.message
    assert caught.value.line == NOVA[: NOVA.index("  <devices>\n    <emulator")].count("\n") + 1
    assert isinstance(caught.value, ValueError)
    with pytest.raises(InvalidDomainXml, match="after: "):
        diff_xml(NOVA, NOVA.removesuffix("</domain>\n"))
    with pytest.raises(InvalidDomainXml, match=r"UTF-8 \(line 2, column 2\)"):
        retarget_xml(b"<domain>\n \xff</domain>", Retarget())


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside")
    xml = f'<!DOCTYPE d [<!ENTITY e SYSTEM "{outside.as_uri()}">]><domain>&e;</domain>'
    with pytest.raises(InvalidDomainXml, match="document type is refused"):
        retarget_xml(xml, Retarget())


def test_secrets_stay_out_of_sight() -> None:
    device = "<disk type='block'><source dev='/n'/><x password='hunter2'/></disk>"
    retarget = Retarget(disks=[{"match": {"target": "nope"}, "xml": device}])
    assert "hunter2" not in repr(retarget)
    with pytest.raises(InvalidDomainXml) as caught:
        retarget_xml(NOVA, retarget)
    assert "hunter2" not in str(caught.value)
    changes = diff_xml(NOVA.replace("vnc-secret", "hunter2"), NOVA)
    assert [str(change) for change in changes] == ["/domain/devices/graphics[vnc]/@passwd: '***' -> '***'"]
    assert "secret" not in repr(changes) + str(changes[0].before)


def test_one_value_is_applied_many_times_without_growing() -> None:
    retarget = Retarget(**EVERY_STEP)
    first = retarget_xml(NOVA, retarget)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert all(retarget_xml(NOVA, retarget) == first for _ in range(200))
        assert tracemalloc.get_traced_memory()[0] - before < len(first)
    finally:
        tracemalloc.stop()


@given(st.text() | st.binary())
def test_any_text_is_taken_or_refused(xml: str | bytes) -> None:
    try:
        assert diff_xml(xml, retarget_xml(xml, Retarget())) == ()
    except (InvalidDomainXml, InvalidParameter):
        return


_plain: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["0-3", "remove", "vda"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*EVERY_STEP, "pci", "vpmem"]), _plain)
def test_any_field_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        retarget = Retarget(**{name: value})
    except InvalidParameter:
        return
    assert Retarget.from_json(retarget.to_json()) == retarget
