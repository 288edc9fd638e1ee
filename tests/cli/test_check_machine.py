"""The check of a guest's machine type, with hosts that have what a test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.answering import answering, definition, refusal
from libvirt_migrate.cli.checks.machine import check_machine, machines, nearest

#: As libvirt writes them: an alias with what it stands for, and a domain type with an emulator of its own.
CAPABILITIES = """<capabilities><host/><guest><os_type>hvm</os_type><arch name='i686'>
<emulator>/usr/bin/qemu-system-i386</emulator><machine maxCpus='1'>isapc</machine></arch></guest>
<guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64</wordsize>
<emulator>/usr/bin/qemu-system-x86_64</emulator><machine maxCpus='255'>pc-i440fx-7.2</machine>
<machine canonical='pc-i440fx-7.2' maxCpus='255'>pc</machine><machine maxCpus='288'>pc-q35-2.4</machine>
<machine maxCpus='288'>pc-q35-7.2</machine><machine maxCpus='288'>pc-q35-7.1</machine><domain type='qemu'/>
<domain type='kvm'><emulator>/usr/bin/other</emulator><machine maxCpus='1'>microvm</machine></domain>
</arch></guest></capabilities>"""
EMULATOR = "/usr/bin/qemu-system-x86_64"


def asked(machine: str, capabilities: Any = CAPABILITIES, emulator: str = EMULATOR) -> Any:
    host: Any = SimpleNamespace(capabilities=answering(capabilities))
    given = definition(f"<emulator>{emulator}</emulator>" if emulator else "")
    return check_machine(host, SimpleNamespace(hypervisor=(*given.hypervisor[:2], machine, "kvm")))  # type: ignore[arg-type]


@pytest.mark.parametrize("machine", ["pc", "pc-i440fx-7.2", "pc-q35-7.2"])
def test_a_type_that_is_there(machine: str) -> None:
    check = asked(machine)
    assert (check.result, check.reason) == ("pass", f"the destination has {machine}")


@pytest.mark.parametrize(
    ("machine", "other"),
    [
        ("pc-q35-10.0", "pc-q35-7.2"),
        ("pc-q35-2.3", "pc-q35-2.4"),
        ("pc-q35-5.0", "pc-q35-2.4"),
        ("pc-i440fx-11.1", "pc-i440fx-7.2"),
        ("pc-q35-noble", "pc-q35-7.2"),
        ("virt-9.0", None),
        ("isapc", None),
    ],
)
def test_a_type_that_is_not(machine: str, other: str | None) -> None:
    check = asked(machine)
    assert (check.result, check.fatal) == ("fail", True)
    assert check.reason.startswith(f"the destination has no machine type {machine}")
    assert (f"the nearest that it has is {other}," in check.reason) == (other is not None)
    assert ("nearest" in check.reason) == (other is not None)


@pytest.mark.parametrize(
    ("capabilities", "emulator"),
    [(refusal(1), EMULATOR), ("<capabilities/>", EMULATOR), (CAPABILITIES, "/opt/qemu")],
)
def test_what_nobody_tells_is_not_known(capabilities: Any, emulator: str) -> None:
    check = asked("pc-q35-10.0", capabilities, emulator)
    assert (check.result, check.fatal) == ("not known", False)


def test_a_host_without_kvm() -> None:
    without = CAPABILITIES.replace("<domain type='kvm'>", "<domain type='other'>")
    check = asked("pc", without)
    assert (check.result, check.fatal) == ("fail", True)
    assert check.reason.startswith(
        "the destination runs no guests of type kvm for x86_64, only other and qemu: is"
    )


def test_a_guest_without_a_type() -> None:
    assert asked("").result == "pass"


def test_each_emulator_has_its_own() -> None:
    assert machines(CAPABILITIES, "x86_64", "/usr/bin/other") == ("microvm",)
    assert "microvm" not in machines(CAPABILITIES, "x86_64", EMULATOR)
    assert machines(CAPABILITIES, "i686", "") == ("isapc",)


VERSIONS = st.tuples(st.integers(0, 20), st.integers(0, 12))


@given(VERSIONS, st.sets(VERSIONS, min_size=1))
def test_the_nearest_is_no_newer_where_there_is_one(wanted: Any, there: set[tuple[int, int]]) -> None:
    def name(version: tuple[int, int]) -> str:
        return f"pc-q35-{version[0]}.{version[1]}"

    older = [version for version in there if version <= wanted]
    expected = max(older) if older else min(there)
    found = (*map(name, there), "q35", "pc-i440fx-9.9", "none")
    assert nearest(name(wanted), found) == name(expected)
