"""`build_migrate_params`: the pair of definitions, the mapping, and what it refuses."""

from __future__ import annotations

import collections.abc
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libvirt_migrate import (
    InvalidDomainXml,
    InvalidParameter,
    MigrateFlags,
    MigrateParams,
    MigrationError,
    build_migrate_params,
)

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
XML = f"<domain><name>vm</name><uuid>{UUID}</uuid></domain>"
KEPT = f"<domain><name>vm</name><uuid>{UUID}</uuid><vcpu>2</vcpu></domain>"
DEFAULT = (
    MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.PERSIST_DEST | MigrateFlags.UNDEFINE_SOURCE
)

#: Every parameter but the definitions, with a value and the flags that it needs.
VALUES: dict[str, tuple[Any, MigrateFlags]] = {
    "migrate_uri": ("tcp://10.0.0.2", DEFAULT),
    "destination_name": ("vm2", DEFAULT),
    "bandwidth": (100, DEFAULT),
    "bandwidth.postcopy": (100, DEFAULT | MigrateFlags.POSTCOPY),
    "bandwidth.avail.switchover": (100, DEFAULT),
    "graphics_uri": ("spice://10.0.0.2", DEFAULT),
    "listen_address": ("10.0.0.2", DEFAULT),
    "migrate_disks": (["vda", "vdb"], DEFAULT | MigrateFlags.NON_SHARED_DISK),
    "migrate_disks_detect_zeroes": (["vda"], DEFAULT | MigrateFlags.NON_SHARED_DISK),
    "migrate_disks_target_zero": (["vda"], DEFAULT | MigrateFlags.NON_SHARED_DISK),
    "disks_port": (49200, DEFAULT),
    "disks_uri": ("tcp://10.0.0.2:49200", DEFAULT),
    "compression": (["xbzrle"], DEFAULT | MigrateFlags.COMPRESSED),
    "compression.mt.level": (1, DEFAULT | MigrateFlags.COMPRESSED),
    "compression.mt.threads": (2, DEFAULT | MigrateFlags.COMPRESSED),
    "compression.mt.dthreads": (2, DEFAULT | MigrateFlags.COMPRESSED),
    "compression.xbzrle.cache": (1 << 26, DEFAULT | MigrateFlags.COMPRESSED),
    "compression.zlib.level": (1, DEFAULT | MigrateFlags.COMPRESSED | MigrateFlags.PARALLEL),
    "compression.zstd.level": (1, DEFAULT | MigrateFlags.COMPRESSED | MigrateFlags.PARALLEL),
    "auto_converge.initial": (20, DEFAULT | MigrateFlags.AUTO_CONVERGE),
    "auto_converge.increment": (10, DEFAULT | MigrateFlags.AUTO_CONVERGE),
    "parallel.connections": (4, DEFAULT | MigrateFlags.PARALLEL),
    "tls.destination": ("host2", DEFAULT | MigrateFlags.TLS),
}
#: What a parameter cannot do without.
COMPANIONS = {
    "compression.mt.level": {"compression": ["mt"]},
    "compression.mt.threads": {"compression": ["mt"]},
    "compression.mt.dthreads": {"compression": ["mt"]},
    "compression.zlib.level": {"compression": ["zlib"]},
    "compression.zstd.level": {"compression": ["zstd"]},
}


def keyword(name: str) -> str:
    return name.replace(".", "_")


def test_the_definitions_travel_together() -> None:
    assert dict(build_migrate_params(XML)) == {"destination_xml": XML, "persistent_xml": XML}
    both = build_migrate_params(XML, persistent_xml=KEPT)
    assert dict(both) == {"destination_xml": XML, "persistent_xml": KEPT}
    assert dict(build_migrate_params(XML, persistent_xml=None)) == {
        "destination_xml": XML,
        "persistent_xml": XML,
    }
    assert dict(build_migrate_params()) == {}


@pytest.mark.parametrize("name", VALUES)
def test_every_parameter_is_a_keyword(name: str) -> None:
    value, flags = VALUES[name]
    more = COMPANIONS.get(name, {})
    arguments: dict[str, Any] = {keyword(name): value, **more}
    params = build_migrate_params(flags=flags, **arguments)
    assert params[name] == value
    assert params.flags == flags
    assert name in inspect.signature(build_migrate_params).parameters or "." in name


def test_the_signature_names_all_25_parameters() -> None:
    names = set(inspect.signature(build_migrate_params).parameters)
    assert {keyword(name) for name in VALUES} | {"dest_xml", "persistent_xml"} == names - {
        "destination",
        "flags",
    }
    assert len(VALUES) + 2 == 25


def test_it_is_a_frozen_mapping() -> None:
    params = build_migrate_params(XML, migrate_disks=("vda",), bandwidth=7, destination="qemu:///system")
    assert isinstance(params, collections.abc.Mapping)
    assert list(params) == ["destination_xml", "persistent_xml", "bandwidth", "migrate_disks"]
    assert list(params) == list(params.keys())
    assert len(params) == 4
    assert list(params.items()) == list(dict(params).items())
    assert list(params.values()) == list(dict(params).values())
    assert params == dict(params)
    assert params != build_migrate_params(XML)
    assert "bandwidth" in params
    assert "migrate_uri" not in params
    assert 1 not in params  # type: ignore[comparison-overlap]
    assert params.get("migrate_uri", 5) == 5
    assert params.destination == "qemu:///system"
    with pytest.raises(KeyError):
        params["migrate_uri"]
    with pytest.raises(TypeError):
        params["bandwidth"] = 8  # type: ignore[index]
    with pytest.raises(AttributeError):
        params.destination = "x"  # type: ignore[misc]
    params["migrate_disks"].append("vdb")
    assert params["migrate_disks"] == ["vda"]


def test_flags_ride_along() -> None:
    assert build_migrate_params(XML).flags == DEFAULT
    assert isinstance(build_migrate_params().flags, MigrateFlags)
    params = build_migrate_params(XML, destination="qemu:///system")
    changed = params.replace(flags=DEFAULT | MigrateFlags.PAUSED, destination="qemu+tcp://h/system")
    assert (changed.flags, changed.destination) == (DEFAULT | MigrateFlags.PAUSED, "qemu+tcp://h/system")
    assert changed["persistent_xml"] == XML


def test_copying_no_disks_copies_none_and_a_tunnel_takes_none() -> None:
    copying = DEFAULT | MigrateFlags.NON_SHARED_INC
    assert build_migrate_params(flags=copying, migrate_disks=[]).flags == DEFAULT
    whole = DEFAULT | MigrateFlags.NON_SHARED_DISK
    assert build_migrate_params(flags=whole, migrate_disks=[]).flags == DEFAULT
    assert build_migrate_params(flags=whole).flags == whole
    assert build_migrate_params(flags=copying, migrate_disks="vda")["migrate_disks"] == ["vda"]
    tunnelled = build_migrate_params(flags=DEFAULT | MigrateFlags.TUNNELLED, migrate_disks=["vda"])
    assert "migrate_disks" not in tunnelled


def test_flags_are_libvirts() -> None:
    libvirt = pytest.importorskip("libvirt")
    for flag in MigrateFlags:
        assert getattr(libvirt, f"VIR_MIGRATE_{flag.name}", flag.value) == flag.value
    known = [flag for flag in MigrateFlags if hasattr(libvirt, f"VIR_MIGRATE_{flag.name}")]
    assert len(known) >= 19


def test_names_are_libvirts() -> None:
    libvirt = pytest.importorskip("libvirt")
    names = {value for name, value in vars(libvirt).items() if name.startswith("VIR_MIGRATE_PARAM_")}
    assert names <= set(VALUES) | {"destination_xml", "persistent_xml"}
    assert len(names) >= 20


BAD: list[tuple[dict[str, Any], type[MigrationError], list[str]]] = [
    ({"dest_xml": "a\0b"}, InvalidParameter, ["destination_xml", "NUL"]),
    ({"dest_xml": XML, "migrate_uri": "tcp://a\0"}, InvalidParameter, ["migrate_uri", "NUL"]),
    ({"migrate_disks": ["vd\0"]}, InvalidParameter, ["migrate_disks"]),
    ({"destination": "qemu:///\0"}, InvalidParameter, ["destination", "NUL"]),
    ({"dest_xml": ""}, InvalidDomainXml, ["destination_xml"]),
    ({"dest_xml": "vm1"}, InvalidDomainXml, ["destination_xml"]),
    ({"dest_xml": "<domain><name>vm</domain>"}, InvalidDomainXml, ["destination_xml", "name", "line 1"]),
    ({"dest_xml": "<network/>"}, InvalidDomainXml, ["destination_xml", "network"]),
    ({"dest_xml": "<domain/>"}, InvalidDomainXml, ["destination_xml", "name"]),
    ({"dest_xml": "\ud800"}, InvalidParameter, ["destination_xml", "Unicode"]),
    ({"dest_xml": b"<domain/>"}, InvalidParameter, ["destination_xml", "string"]),
    ({"dest_xml": XML, "persistent_xml": "<a>"}, InvalidDomainXml, ["persistent_xml"]),
    ({"persistent_xml": XML}, InvalidParameter, ["persistent_xml", "dest_xml"]),
    (
        {"dest_xml": XML, "persistent_xml": XML.replace("vm", "x")},
        InvalidParameter,
        ["persistent_xml", "destination_name"],
    ),
    (
        {"dest_xml": XML, "persistent_xml": XML.replace("4dea", "5dea")},
        InvalidParameter,
        ["persistent_xml", "uuid"],
    ),
    ({"bandwidth": -1}, InvalidParameter, ["bandwidth", "-1"]),
    ({"bandwidth": 1 << 43}, InvalidParameter, ["bandwidth"]),
    ({"bandwidth": 10**40}, InvalidParameter, ["bandwidth", "range"]),
    ({"bandwidth": 1.5}, InvalidParameter, ["bandwidth", "float"]),
    ({"bandwidth": True}, InvalidParameter, ["bandwidth"]),
    ({"disks_port": 65536}, InvalidParameter, ["disks_port", "65536"]),
    ({"migrate_speed": 5}, InvalidParameter, ["migrate_speed", "not a migration parameter"]),
    ({"compression": "lz4"}, InvalidParameter, ["compression", "lz4", "zstd"]),
    ({"migrate_disks": ["vda", ""]}, InvalidParameter, ["migrate_disks", "empty"]),
    ({"migrate_disks": ["vda", "vda"]}, InvalidParameter, ["migrate_disks", "vda", "twice"]),
    ({"migrate_disks": [1]}, InvalidParameter, ["migrate_disks"]),
    ({"migrate_disks": 5}, InvalidParameter, ["migrate_disks"]),
    ({"parallel_connections": 0}, InvalidParameter, ["parallel.connections", "0"]),
    ({"destination": "no uri"}, InvalidParameter, ["destination", "URI"]),
    ({"destination": "host2"}, InvalidParameter, ["destination", "URI"]),
    ({"destination": ""}, InvalidParameter, ["destination", "URI"]),
    ({"destination": 5}, InvalidParameter, ["destination"]),
    ({"flags": 1 << 30}, InvalidParameter, ["flags", "0x40000000"]),
    ({"flags": -1}, InvalidParameter, ["flags"]),
    ({"flags": "LIVE"}, InvalidParameter, ["flags"]),
    ({"flags": MigrateFlags.POSTCOPY}, InvalidParameter, ["flags", "POSTCOPY", "LIVE"]),
    ({"flags": DEFAULT, "migrate_disks": ["vda"]}, InvalidParameter, ["migrate_disks", "NON_SHARED"]),
]


@pytest.mark.parametrize(("arguments", "error", "named"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_refused(
    arguments: dict[str, Any], error: type[MigrationError], named: list[str]
) -> None:
    with pytest.raises(error) as caught:
        build_migrate_params(**arguments)
    assert isinstance(caught.value, ValueError)
    assert all(part in str(caught.value) for part in named), str(caught.value)


def test_passwords_stay_out_of_repr_and_errors() -> None:
    secret = XML.replace("</domain>", "<devices><graphics passwd='hunter2'/></devices></domain>")
    assert "hunter2" not in repr(build_migrate_params(secret, destination="qemu:///system"))
    with pytest.raises(InvalidDomainXml) as caught:
        build_migrate_params(secret.replace("</devices>", ""))
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_refused_or_paired(text: str) -> None:
    try:
        params = build_migrate_params(text)
    except (InvalidDomainXml, InvalidParameter):
        return
    assert dict(params) == {"destination_xml": text, "persistent_xml": text}


@given(st.sampled_from(sorted(VALUES)), st.none() | st.integers() | st.text() | st.lists(st.text()))
def test_any_value_is_refused_or_kept(name: str, value: Any) -> None:
    try:
        params: MigrateParams = build_migrate_params(**{keyword(name): value})
    except InvalidParameter:
        return
    absent = value is None or value == []
    assert absent or params[name] == value or params[name] == [value]
