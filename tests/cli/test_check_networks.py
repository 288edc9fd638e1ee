"""The checks of networks, with hosts that have what a test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import answering, definition, refusal
from libvirt_migrate.cli.checks.check import Check
from libvirt_migrate.cli.checks.networks import check_networks

NAT = "<network><forward/><ip address='192.0.2.129'/></network>"
BRIDGED = "<network><forward mode='bridge'/><bridge name='br0'/></network>"
DIRECT = "<network><forward mode='bridge'><interface dev='eth1'/></forward></network>"
POOL = "<network><forward mode='hostdev'/></network>"
BR0, ETH = "<interface type='bridge' name='br0'/>", "<interface type='ethernet' name='br0'/>"
LISTED = "<device><capability type='net'><interface>br0</interface></capability></device>"
UNKNOWN = refusal(38, "no daemon")


def host(network: Any = None, interface: Any = None, devices: Any = (), filtered: Any = True) -> Any:
    return SimpleNamespace(
        virtual_network=answering(network),
        interface=answering(interface),
        node_devices=answering(devices),
        has_network_filter=answering(filtered),
    )


def asked(where: Any, kind: str, source: str, more: str = "") -> list[Check]:
    devices = f"<interface type='{kind}'><mac address='52:54:00:00:00:01'/>{source}{more}</interface>"
    return [*check_networks(where, definition(devices))]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (host(None), [("fail", True, "does not have: virsh net-define it there")]),
        (host((False, NAT)), [("fail", True, "is not active there: virsh net-start lan")]),
        (host((True, NAT)), [("pass", False, "network lan is active")]),
        (host(UNKNOWN), [("not known", False, "no daemon")]),
        (host((True, BRIDGED), BR0), [("pass", False, "lan"), ("pass", False, "has bridge br0")]),
        (host((True, BRIDGED), None), [("pass", False, "lan"), ("fail", False, "on bridge br0, which")]),
        (host((True, DIRECT), None), [("pass", False, "lan"), ("fail", False, "on device eth1, which")]),
        (host((True, POOL)), [("pass", False, "lan"), ("not known", False, "a device left?")]),
    ],
)
def test_virtual_networks(where: Any, expected: list[tuple[str, bool, str]]) -> None:
    found = asked(where, "network", "<source network='lan'/>")
    assert [(check.result, check.fatal) for check in found] == [
        (result, fatal) for result, fatal, _ in expected
    ]
    for check, (_, _, reason) in zip(found, expected, strict=True):
        assert reason in check.reason


@pytest.mark.parametrize(
    ("where", "result", "reason"),
    [
        (host(interface=BR0), "pass", "has bridge br0"),
        (host(interface=ETH), "fail", "which is no bridge there but ethernet"),
        (
            host(interface=None),
            "fail",
            "interface 52:54:00:00:00:01 is on bridge br0, which the destination does",
        ),
        (host(interface=None, devices=[LISTED]), "not known", "is the destination's br0 a bridge?"),
        (host(interface=None, devices=UNKNOWN), "not known", "no daemon"),
        (host(interface=UNKNOWN), "not known", "no daemon"),
        (host(interface=UNKNOWN, devices=[LISTED]), "not known", "a bridge?"),
    ],
)
def test_bridges(where: Any, result: str, reason: str) -> None:
    (check,) = asked(where, "bridge", "<source bridge='br0'/>")
    assert (check.result, reason in check.reason) == (result, True), check


def test_a_bridge_of_open_vswitch_may_have_no_device() -> None:
    more = "<virtualport type='openvswitch'/>"
    for where, result in (
        (host(interface=ETH), "pass"),
        (host(), "not known"),
        (host(interface=BR0), "not known"),
    ):
        (check,) = asked(where, "bridge", "<source bridge='br0'/>", more)
        assert check.result == result
    assert "ovs-vsctl br-exists br0" in asked(host(), "bridge", "<source bridge='br0'/>", more)[0].reason


def test_devices() -> None:
    for kind, source in (("direct", "<source dev='br0'/>"), ("ethernet", "<target dev='br0' managed='no'/>")):
        assert [check.result for check in asked(host(interface=ETH), kind, source)] == ["pass"]
        assert [check.result for check in asked(host(devices=[LISTED]), kind, source)] == ["pass"]
        assert [check.result for check in asked(host(), kind, source)] == ["fail"]
    # libvirt makes this one.
    assert asked(host(), "ethernet", "<target dev='vnet0'/>") == []


@pytest.mark.parametrize(
    ("answer", "result", "fatal"),
    [(True, "pass", False), (False, "fail", True), (UNKNOWN, "not known", False)],
)
def test_filters(answer: Any, result: str, fatal: bool) -> None:
    where = host(interface=BR0, filtered=answer)
    found = asked(where, "bridge", "<source bridge='br0'/>", "<filterref filter='clean-traffic'/>")
    assert [check.result for check in found] == ["pass", result]
    assert found[1].fatal == fatal


@pytest.mark.parametrize(
    ("where", "result", "reason"),
    [
        (host(None), "fail", "which the destination does not have"),
        (host((True, NAT)), "pass", "is active and has an address"),
        (host((False, NAT)), "fail", "virsh net-start lan"),
        (host((True, "<network/>")), "fail", "which has no address there"),
        (host((True, BRIDGED), BR0), "not known", "does its device have an address there?"),
        (host((True, BRIDGED), None), "fail", "on bridge br0, which"),
        (host(UNKNOWN), "not known", "no daemon"),
    ],
)
def test_a_display_that_listens_at_a_network(where: Any, result: str, reason: str) -> None:
    display = "<graphics type='vnc'><listen type='network' network='lan'/></graphics>"
    (check,) = check_networks(where, definition(display))
    assert check.result == result
    assert reason.replace("bridge br0", "device br0") in check.reason


def test_a_guest_without_networks_is_told_nothing() -> None:
    assert [*check_networks(host(), definition("<interface type='user'/>"))] == []
