"""The check of addresses, with hosts that answer what a test wants."""

from __future__ import annotations

import pytest

from helpers.answering import definition, known_names, pair
from libvirt_migrate.cli.checks import addresses as check_addresses
from libvirt_migrate.cli.checks.check import Check, Pair


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead where a test says."""
    known_names(monkeypatch)


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
