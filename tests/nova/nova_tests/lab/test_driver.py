"""Nova's real libvirt driver moves a real guest between two hosts, through the `compute_driver` line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate.lab import Host, Lab, LabGuest, Workload
from libvirt_migrate.nova import release

pytestmark = [pytest.mark.nova, pytest.mark.lab, pytest.mark.timeout(180)]

libvirt = pytest.importorskip("libvirt", reason="the lab needs libvirt-python")

MEMORY = 128
DRIVER = "libvirt_migrate.LibvirtDriver"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Two hosts of this test's own: what one leaves behind in a daemon does not meet the next."""
    with Lab("nova") as made:
        yield made


#: Nova could not run without eventlet before 33.
MODES = ["threading", "eventlet"] if release.major() >= 33 else ["eventlet"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Nova's threading mode."""
    return str(request.param)


def drive(mode: str, guest: LabGuest, source: Host, destination: Host, **order: Any) -> dict[str, Any]:
    """Has Nova's driver migrate a guest, in a process of its own, and returns what happened, with its log."""
    order = {
        "driver": DRIVER,
        "uuid": guest.uuid,
        "source": source.uri,
        "address": destination.address,
        "memory": MEMORY,
    } | order
    environment = os.environ | {
        "OS_NOVA_DISABLE_EVENTLET_PATCHING": str(mode == "threading"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-W", "ignore", "-m", "nova_tests.lab.drive", json.dumps(order)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    result["log"] = done.stderr
    assert result["patched"] == (mode == "eventlet")
    assert result["domain"] == ("eventlet.tpool" if mode == "eventlet" else "libvirt")
    return result


def is_at(guest: LabGuest, host: Host) -> bool:
    """Whether the guest runs at a host."""
    try:
        return bool(guest.domain(host).state()[0] == libvirt.VIR_DOMAIN_RUNNING)
    except libvirt.libvirtError:
        return False


def test_a_guest_moves_and_keeps_the_right_definition(lab: Lab, mode: str) -> None:
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY)
    result = drive(mode, guest, source, destination)

    assert [call["method"] for call in result["calls"]] == ["post"]
    assert result["error"] is None
    assert result["active"] == []
    assert result["saves"] > 0
    assert is_at(guest, destination)
    assert not is_at(guest, source)
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()

    # The definition that the destination keeps is its own, and the guest starts anew from it.
    domain = guest.domain(destination)
    kept = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert f"'{destination.address}'" in kept
    assert f"listen='{source.address}'" not in kept
    domain.destroy()
    guest.beats.forget()
    domain.create()
    guest.beats.wait_for_passes()


def test_a_destination_that_refuses_leaves_the_guest_where_it_was(lab: Lab, mode: str) -> None:
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY)
    other = guest.xml.replace(guest.uuid, "11111111-2222-4333-8444-555555555555")
    destination.connection().defineXML(other)
    result = drive(mode, guest, source, destination)

    assert [call["method"] for call in result["calls"]] == ["recover"]
    assert result["calls"][0]["status"] is None
    # It was rolled back, so the instance is ACTIVE: Nova since 32.2 would raise the call's error once more.
    assert result["error"] is None
    assert result["active"] == []
    assert is_at(guest, source)
    assert not is_at(guest, destination)
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


def test_an_abort_through_the_api_ends_as_cancelled(lab: Lab, mode: str) -> None:
    """And with nothing raised, which would be an ERROR of the instance."""
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY, workload=Workload(working_set=64))
    options = {"libvirt.live_migration_bandwidth": 8}
    result = drive(mode, guest, source, destination, options=options, abort=True)

    assert [(call["method"], call["status"]) for call in result["calls"]] == [("recover", "cancelled")]
    assert result["error"] is None
    assert result["active"] == []
    assert is_at(guest, source)
    assert not is_at(guest, destination)
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


def test_a_call_that_fails_when_the_guest_has_arrived_completes_the_migration(lab: Lab, mode: str) -> None:
    """Both hosts are asked, and Nova's post method runs; nothing is raised afterwards."""
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY)
    result = drive(mode, guest, source, destination, fail_at_the_end=True)

    assert [call["method"] for call in result["calls"]] == ["post"]
    assert result["error"] is None
    assert is_at(guest, destination)


def test_the_completion_timeout_aborts(lab: Lab, mode: str) -> None:
    """A guest that writes faster than a slow link carries never gets there; Nova's own timeout ends it,
    once.
    """
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY, workload=Workload(working_set=64))
    options = {"libvirt.live_migration_bandwidth": 8, "libvirt.live_migration_completion_timeout": 1}
    result = drive(mode, guest, source, destination, options=options)

    assert [(call["method"], call["status"]) for call in result["calls"]] == [("recover", "cancelled")]
    assert is_at(guest, source)
    assert guest.beats.is_intact()


def test_force_complete_switches_to_post_copy_where_that_is_permitted(lab: Lab, mode: str) -> None:
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY, workload=Workload(working_set=64))
    options = {
        "libvirt.live_migration_bandwidth": 8,
        "libvirt.live_migration_completion_timeout": 1,
        "libvirt.live_migration_timeout_action": "force_complete",
        "libvirt.live_migration_permit_post_copy": True,
    }
    result = drive(mode, guest, source, destination, options=options)

    assert [call["method"] for call in result["calls"]] == ["post"]
    assert result["status"] == "running (post-copy)"
    assert is_at(guest, destination)
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


@pytest.mark.parametrize("mode", ["eventlet"])
def test_the_log_holds_no_password(lab: Lab, mode: str) -> None:
    """Nova's `live_migration_uri` may carry one, and so may the guest's definition."""
    source, destination = lab.hosts
    guest = lab.start_guest("vm1", memory=MEMORY)
    domain = guest.domain(source)
    xml = guest.xml.replace("autoport='yes'", "autoport='yes' passwd='hunter2'")
    domain.destroy()
    guest.beats.forget()
    source.connection().defineXML(xml)
    domain.create()
    guest.beats.wait_for_passes()
    # Nobody answers at port 1.
    for port, place in ((1, source), (16509, destination)):
        uri = f"qemu+tcp://root:hunter2@%s:{port}/system"
        options = {"libvirt.live_migration_uri": uri, "debug": True, "use_stderr": True}
        result = drive(mode, guest, source, destination, options=options, log=True)
        assert is_at(guest, place)
        assert ("Live Migration failure" in result["log"]) == (port == 1)
        assert "libvirt_migrate" in result["log"]
        assert "hunter2" not in result["log"]
        assert "hunter2" not in json.dumps(result)
