"""What options ask for, as the library takes it: every field, every flag, every parameter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate import MigrateFlags as F
from libvirt_migrate import Retarget
from libvirt_migrate.cli.errors import UserError
from libvirt_migrate.cli.options import Migrate, typed
from libvirt_migrate.cli.parser import build_parser
from libvirt_migrate.cli.request import Request, request_from, set_field

HOST = "qemu+tcp://host2/system"
DEFAULT = F.LIVE | F.PEER2PEER | F.PERSIST_DEST | F.UNDEFINE_SOURCE
UUIDS = ("4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "4dea22b3-1d52-d8f3-2516-782e98ab3fa1")


def requested(*words: str) -> Request:
    options = typed(build_parser().parse_args(words))
    assert isinstance(options, Migrate)
    return request_from(options, options.destination)


def request(*options: str) -> Request:
    return requested("migrate", "vm1", HOST, *options)


@pytest.mark.parametrize(
    ("assignments", "changes"),
    [
        (
            ["graphics.listen=192.0.2.2"],
            {"graphics": {"vnc": "192.0.2.2", "spice": "192.0.2.2", "rdp": "192.0.2.2"}},
        ),
        (["graphics.vnc_port=auto"], {"graphics": {"vnc_port": "auto"}}),
        (["graphics.vnc={host}"], {"graphics": {"vnc": "{host}"}}),
        (["cpu_shares=1024"], {"cpu_shares": 1024}),
        (["cpu_shares=remove"], {"cpu_shares": "remove"}),
        (["numa.vcpu_pins.0=3", "numa.vcpu_pins.1=4"], {"numa": {"vcpu_pins": {"0": "3", "1": "4"}}}),
        (["pci.0000:25:00.4=0000:26:00.1"], {"pci": {"0000:25:00.4": "0000:26:00.1"}}),
        (["memory_backing.file_backed=true"], {"memory_backing": {"file_backed": True}}),
        (["serial.ports=[5, 6]"], {"serial": {"ports": [5, 6]}}),
        (["serial.ports=5,6"], {"serial": {"ports": [5, 6]}}),
        (["perf_events=cmt,mbml"], {"perf_events": ["cmt", "mbml"]}),
    ],
)
def test_fields_are_set(assignments: list[str], changes: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    for assignment in assignments:
        set_field(found, assignment)
    assert found == changes


#: An assignment for each field of docs/retarget.md, and what becomes of it.
FIELDS = [
    ("graphics.vnc={host}", {"graphics": {"vnc": "host2"}}),
    ("graphics.spice=::1", {"graphics": {"spice": "::1"}}),
    ("graphics.rdp={host}", {"graphics": {"rdp": "host2"}}),
    ("graphics.vnc_port=5905", {"graphics": {"vnc_port": 5905}}),
    ("graphics.vnc_websocket=5705", {"graphics": {"vnc_websocket": 5705}}),
    ("graphics.spice_port=auto", {"graphics": {"spice_port": "auto"}}),
    ("graphics.spice_tls_port=5906", {"graphics": {"spice_tls_port": 5906}}),
    ("graphics.rdp_port=3389", {"graphics": {"rdp_port": 3389}}),
    ("listeners.address={host}", {"listeners": {"address": "host2"}}),
    ("listeners.ports.4555=4556", {"listeners": {"ports": {"4555": 4556}}}),
    ("emulator=/usr/libexec/qemu-kvm", {"emulator": "/usr/libexec/qemu-kvm"}),
    ("emulator=remove", {"emulator": "remove"}),
    ("firmware.loader=/OVMF_CODE.fd", {"firmware": {"loader": "/OVMF_CODE.fd"}}),
    ("firmware.nvram=/vm.fd", {"firmware": {"nvram": "/vm.fd"}}),
    ("firmware.template=/OVMF_VARS.fd", {"firmware": {"template": "/OVMF_VARS.fd"}}),
    ("serial.address={host}", {"serial": {"address": "host2"}}),
    ("serial.ports=5,6", {"serial": {"ports": [5, 6]}}),
    (
        'disks=[{"match": {"target": "vda"}, "xml": "<disk type=\'file\'/>"}]',
        {"disks": [{"match": {"target": "vda"}, "xml": "<disk type='file'/>"}]},
    ),
    ('rbd.monitors=[{"host": "m", "port": 1}]', {"rbd": {"monitors": [{"host": "m", "port": 1}]}}),
    ('interfaces=[{"mac": "52:54:00:00:00:01"}]', {"interfaces": [{"mac": "52:54:00:00:00:01"}]}),
    ("perf_events=cmt,mbml", {"perf_events": ["cmt", "mbml"]}),
    (
        'memory_backing={"file_backed": true, "discard": false}',
        {"memory_backing": {"file_backed": True, "discard": False}},
    ),
    ("memory_backing.file_backed=true", {"memory_backing": {"file_backed": True}}),
    ("cpu_shares=512", {"cpu_shares": 512}),
    ("cpu_shares=remove", {"cpu_shares": "remove"}),
    ("vcpu_cpuset=0-3,^2", {"vcpu_cpuset": "0-3,^2"}),
    ("numa.vcpu_pins.0=3", {"numa": {"vcpu_pins": {"0": "3"}}}),
    ("numa.emulator_pin=4-5", {"numa": {"emulator_pin": "4-5"}}),
    ("numa.iothread_pin=4", {"numa": {"iothread_pin": "4"}}),
    ("numa.cell_pins.0=1", {"numa": {"cell_pins": {"0": "1"}}}),
    ("numa.memory=1", {"numa": {"memory": "1"}}),
    (
        'numa.vcpu_sched={"vcpus": "0", "priority": 5}',
        {"numa": {"vcpu_sched": {"vcpus": "0", "priority": 5}}},
    ),
    (f"mdevs.{UUIDS[0]}={UUIDS[1]}", {"mdevs": {UUIDS[0]: UUIDS[1]}}),
    ("pci.0000:25:00.4=0000:26:00.1", {"pci": {"0000:25:00.4": "0000:26:00.1"}}),
    ("vpmem=/dev/dax0,/dev/dax1", {"vpmem": ["/dev/dax0", "/dev/dax1"]}),
]


@pytest.mark.parametrize(("assignment", "changes"), FIELDS, ids=[field for field, _ in FIELDS])
def test_each_field_can_be_set(assignment: str, changes: dict[str, Any]) -> None:
    assert request("--set", assignment).retarget(HOST) == Retarget.from_dict(changes)


def test_several_fields_of_one_step() -> None:
    words = ("--set", "rbd.disks=vda,vdb", "--set", 'rbd.monitors=[{"host": "{host}"}]')
    found = request(*words, "--set", "graphics.listen={host}").retarget(HOST)
    assert found == Retarget.from_dict(
        {
            "rbd": {"disks": ["vda", "vdb"], "monitors": [{"host": "host2"}]},
            "graphics": {"vnc": "host2", "spice": "host2", "rdp": "host2"},
        }
    )


def test_every_documented_field_has_been_tried() -> None:
    text = (Path(__file__).parents[2] / "docs" / "retarget.md").read_text()
    columns = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    documented = {name for column in columns for name in re.findall(r"`([a-z_.]+)`", column)}
    assert {"graphics.spice", "numa.vcpu_sched", "vpmem"} <= documented
    tried = {assignment.partition("=")[0] for assignment, _ in FIELDS} | {"rbd.disks"}
    for name in documented:
        assert any(path.startswith(name) or name.startswith(f"{path}.") for path in tried), name


@pytest.mark.parametrize(
    ("options", "flags", "params"),
    [
        ([], F(0), {}),
        (["--copy-storage", "vda, vdb"], F.NON_SHARED_DISK, {"migrate_disks": ["vda", "vdb"]}),
        (["--copy-storage-incremental", "vda"], F.NON_SHARED_INC, {"migrate_disks": ["vda"]}),
        (["--parallel", "4"], F.PARALLEL, {"parallel.connections": 4}),
        (["--bandwidth", "100"], F(0), {"bandwidth": 100}),
        (["--bandwidth-post-copy", "9"], F.POSTCOPY, {"bandwidth.postcopy": 9}),
        (["--post-copy"], F.POSTCOPY, {}),
        (["--tls"], F.TLS, {}),
        (["--tls-destination", "h"], F.TLS, {"tls.destination": "h"}),
        (["--tunnelled"], F.TUNNELLED, {}),
        (["--unsafe"], F.UNSAFE, {}),
        (["--compression", "xbzrle"], F.COMPRESSED, {"compression": ["xbzrle"]}),
        (["--migrate-uri", "tcp://h"], F(0), {"migrate_uri": "tcp://h"}),
        (["--listen-address", "::"], F(0), {"listen_address": "::"}),
        (
            ["--copy-storage", "vda", "--disks-uri", "tcp://h:1"],
            F.NON_SHARED_DISK,
            {"disks_uri": "tcp://h:1"},
        ),
    ],
)
def test_each_option_reaches_libvirt(options: list[str], flags: F, params: dict[str, Any]) -> None:
    found = request(*options).params(HOST)
    assert found.flags == DEFAULT | flags
    assert found.destination == HOST
    assert {name: found[name] for name in params} == params


@pytest.mark.parametrize(
    ("option", "value", "name", "found"),
    [
        ("--migrate-uri", "tcp://{host}:49160", "migrate_uri", "tcp://host2:49160"),
        ("--disks-uri", "tcp://{host}", "disks_uri", "tcp://host2"),
        ("--listen-address", "{host}", "listen_address", "host2"),
    ],
)
def test_the_destinations_host_in_an_option(option: str, value: str, name: str, found: str) -> None:
    options = (option, value, "--copy-storage", "vda")
    asked = request(*options)
    assert asked.params(HOST)[name] == found
    # An IPv6 address has brackets in a URI, and none elsewhere.
    address = "2001:db8::1"
    assert asked.params(f"qemu+tcp://[{address}]/system")[name] == found.replace(
        "host2", address if name == "listen_address" else f"[{address}]"
    )
    with pytest.raises(UserError, match=rf"^{option}: qemu:///system names no host for {{host}}"):
        requested("migrate", "vm1", "qemu:///system", *options)


def test_what_is_wanted_and_allowed() -> None:
    times = ("--max-downtime", "300ms", "--deadline", "5m", "--on-deadline", "force")
    wanted = request(*times, "--post-copy", "--throttle", "--max-post-copy", "20s").convergence
    assert (wanted.max_downtime, wanted.deadline, wanted.on_deadline) == (0.3, 300, "force")
    assert wanted.post_copy
    assert wanted.throttle
    assert wanted.max_post_copy == 20
    plain = request().convergence
    assert (plain.max_downtime, plain.deadline, plain.on_deadline) == (0.5, None, "abort")
    assert not plain.post_copy
    assert not plain.throttle
    assert request("--exclusive").convergence.exclusive


def test_everyday_options() -> None:
    plain = request()
    assert "destination_name" not in plain.how
    assert not plain.flags & (F.PAUSED | F.ZEROCOPY)
    asked = request("--dname", "new name", "--suspend", "--zero-copy", "--parallel", "2")
    assert asked.params(HOST)["destination_name"] == "new name"
    assert asked.flags == DEFAULT | F.PAUSED | F.ZEROCOPY | F.PARALLEL
