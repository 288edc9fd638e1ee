"""What the tests of `Guest.migrate` in the lab share: its parameters, and where a guest is afterwards."""

from __future__ import annotations

import time
from typing import Any

import libvirt
import pytest

from libvirt_migrate import (
    MigrateFlags,
    build_migrate_params,
)
from libvirt_migrate.lab import Host, LabGuest

F = MigrateFlags
DEFAULT = F.LIVE | F.PEER2PEER | F.PERSIST_DEST | F.UNDEFINE_SOURCE
#: A working set that takes long at a bandwidth of 1 MiB/s, and no time without it.
SLOW = {"bandwidth": 1}


def params_for(guest: LabGuest, hosts: tuple[Host, Host], **more: Any) -> Any:
    """What moves the guest from the one host to the other, with its address there."""
    source, destination = hosts
    xml = guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    dest_xml = guest.xml_for(source, destination, xml)
    return build_migrate_params(dest_xml, destination=destination.uri, **more)


def assert_arrived(guest: LabGuest, hosts: tuple[Host, Host]) -> None:
    """The guest runs at the destination, with its memory, and the source has forgotten it."""
    source, destination = hosts
    guest.beats.wait_for_passes(2)
    assert guest.beats.is_intact()
    assert guest.domain(destination).isActive()
    with pytest.raises(libvirt.libvirtError, match="Domain not found"):
        guest.domain(source)


def assert_stayed(guest: LabGuest, source: Host) -> None:
    guest.beats.wait_for_passes(2)
    assert guest.beats.is_intact()
    assert guest.domain(source).isActive()


def wait_for_job(domain: Any) -> None:
    """Waits until the domain has a job that moves memory."""
    deadline = time.monotonic() + 20
    while domain.jobStats().get("memory_processed", 0) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
