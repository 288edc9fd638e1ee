"""The checks of firmware, other files and secrets, with hosts that have what a test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.answering import answering, definition, refusal
from libvirt_migrate.cli.checks.check import Check
from libvirt_migrate.cli.checks.files import check_files
from libvirt_migrate.cli.checks.firmware import check_firmware
from libvirt_migrate.cli.checks.secrets import check_secrets
from libvirt_migrate.cli.definition.files import File, files_of
from libvirt_migrate.cli.definition.summary import read_definition

OFFERED = """<domainCapabilities><os><enum name='firmware'><value>efi</value></enum>
<loader><value>/fw/code</value></loader></os></domainCapabilities>"""
NO_FIRMWARE = "<domainCapabilities><os><enum name='firmware'/><loader/></os></domainCapabilities>"


class Host:
    """A host with these files; what it does not tell of is an error."""

    def __init__(self, *there: str, silent: str = "", offered: Any = OFFERED) -> None:
        self._there, self._silent = there, silent
        self.domain_capabilities = answering(offered)
        self.asked: list[str] = []

    def has_file(self, path: str) -> bool:
        self.asked.append(path)
        if path == self._silent:
            raise refusal(38, "permission denied")
        return path in self._there


def firmware(host: Any, os: str) -> list[tuple[str, str]]:
    xml = f"<domain type='kvm'><name>vm</name><os{os}</os></domain>"
    return [(check.result, check.reason) for check in check_firmware(host, read_definition(xml))]


LOADER = "><loader type='pflash'>/fw/code</loader>"
NVRAM = f"{LOADER}<nvram template='/fw/vars'>/nv/vm</nvram>"


@pytest.mark.parametrize(
    ("host", "os", "expected"),
    [
        (Host(), ">", []),
        (Host("/fw/code"), LOADER, [("pass", "has /fw/code")]),
        (Host(), LOADER, [("fail", "/fw/code is not there")]),
        (Host(silent="/fw/code"), LOADER, [("not known", "permission denied")]),
        (Host("/fw/code", "/nv/vm"), NVRAM, [("pass", "code"), ("pass", "has /nv/vm")]),
        (Host("/fw/code", "/nv", "/fw/vars"), NVRAM, [("pass", ""), ("pass", "/nv/vm is made of /fw/vars")]),
        (Host("/fw/code", "/nv"), NVRAM, [("pass", ""), ("fail", "neither /nv/vm is there nor /fw/vars")]),
        (Host("/fw/code", "/fw/vars"), NVRAM, [("pass", ""), ("fail", "nor is its folder")]),
        (Host("/fw/code", "/nv", silent="/nv/vm"), NVRAM, [("pass", ""), ("not known", "denied")]),
        (Host("/fw/code", "/nv", silent="/fw/vars"), NVRAM, [("pass", ""), ("not known", "can it be made")]),
        (
            Host("/fw/code", "/nv"),
            f"{LOADER}<nvram>/nv/vm</nvram>",
            [("pass", ""), ("pass", "made of the template of /fw/code")],
        ),
        (
            Host("/fw/code", "/nv", offered=NO_FIRMWARE),
            f"{LOADER}<nvram>/nv/vm</nvram>",
            [("pass", ""), ("not known", "copy it there")],
        ),
        (
            Host("/fw/code"),
            f"{LOADER}<nvram type='network'><source protocol='nbd'/></nvram>",
            [("pass", ""), ("not known", "its variables are no file")],
        ),
        (
            Host("/fw/code", "/nv/vm"),
            f"{LOADER}<nvram type='file'><source file='/nv/vm'/></nvram>",
            [("pass", ""), ("pass", "has /nv/vm")],
        ),
        (Host(), " firmware='efi'>", [("pass", "has efi firmware")]),
        (Host(offered=NO_FIRMWARE), " firmware='efi'>", [("fail", "no efi firmware for this machine")]),
        (Host(offered=refusal(1, "no idea")), " firmware='efi'>", [("not known", "no idea")]),
    ],
)
def test_firmware(host: Host, os: str, expected: list[tuple[str, str]]) -> None:
    found = firmware(host, os)
    assert [result for result, _ in found] == [result for result, _ in expected]
    for (_, said), (_, reason) in zip(found, expected, strict=True):
        assert reason in said


DEVICES = """
<serial type='file'><source path='/s/out'/><log file='/l/log'/></serial>
<channel type='unix'><source mode='bind' path='/u/own'/></channel>
<channel type='unix'><source mode='connect' path='/u/theirs'/></channel>
<parallel type='dev'><source path='/dev/parport0'/></parallel>
<serial type='pty'><source path='/dev/pts/1'/></serial>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>
<interface type='vhostuser'><mac address='m'/><source type='unix' path='/v/sock' mode='client'/>
<rom file='/r'/></interface>
<input type='evdev'><source dev='/dev/input/event0'/></input>
"""


def test_which_files() -> None:
    assert set(files_of(definition(DEVICES))) == {
        File("the serial", "/s/out", is_made=True),
        File("the serial's log", "/l/log", is_made=True),
        File("the channel", "/u/own", is_made=True),
        File("the channel", "/u/theirs"),
        File("the parallel", "/dev/parport0", is_device=True),
        File("the random number generator", "/dev/hwrng", is_device=True),
        File("interface m", "/v/sock"),
        File("a device's ROM", "/r"),
        File("an input device", "/dev/input/event0", is_device=True),
    }


def test_files() -> None:
    host: Any = Host("/s", "/u", "/v/sock", silent="/r")
    found: dict[str, list[Check]] = {}
    for check in check_files(host, definition(DEVICES)):
        found.setdefault(check.result, []).append(check)
    reasons = [check.reason for check in found["fail"]]
    assert "the channel needs /u/theirs, which the destination does not have" in reasons
    assert "the serial's log needs folder /l, which the destination does not have" in reasons
    assert len(reasons) == 2
    (unknown,), (there,) = found["not known"], found["pass"]
    assert "/r for a device's ROM (permission denied)" in unknown.reason
    assert "/dev/hwrng for the random number generator" in unknown.reason
    assert there.reason == "the destination has /s, /u, /v/sock"
    # To open a device may do something.
    assert not any(path.startswith("/dev/") for path in host.asked)
    assert [*check_files(host, definition())] == []


@pytest.mark.parametrize("path", ["kernel", "/dev/watchdog", "/boot/../dev/watchdog", "//dev/x", "/sys/x"])
def test_what_may_be_a_device_is_asked_of_nobody(path: str) -> None:
    host: Any = Host()
    xml = f"<domain><name>vm</name><os><kernel>{path}</kernel></os></domain>"
    (check,) = check_files(host, read_definition(xml))
    assert (check.result, host.asked) == ("not known", [])


UUID = "1b26ac4c-8c8f-4d8d-9b5f-8b3f6a1f1c11"
DISK = "<disk><source>{}</source></disk>"
CEPH = "<auth username='u'><secret type='ceph' usage='pool'/></auth>"


@pytest.mark.parametrize(
    ("devices", "answer", "expected"),
    [
        ("", True, []),
        (DISK.format(f"<encryption><secret type='passphrase' uuid='{UUID}'/></encryption>"), True, ["pass"]),
        (DISK.format(f"<encryption><secret type='passphrase' uuid='{UUID}'/></encryption>"), False, ["fail"]),
        (DISK.format(CEPH) * 2, False, ["fail"]),
        (DISK.format(CEPH), refusal(38, "no daemon"), ["not known"]),
        (f"<tpm><backend><encryption secret='{UUID}'/></backend></tpm>", False, ["fail"]),
    ],
)
def test_secrets(devices: str, answer: Any, expected: list[str]) -> None:
    asked: list[tuple[str, ...]] = []

    def has(*which: str) -> Any:
        asked.append(which)
        return answering(answer)()

    host: Any = SimpleNamespace(has_secret=has, has_secret_for=has)
    found = [*check_secrets(host, definition(devices))]
    assert [check.result for check in found] == expected
    assert all(check.fatal == (check.result == "fail") for check in found)
    assert asked in ([], [(UUID,)], [("ceph", "pool")])
