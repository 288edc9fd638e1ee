"""What has to hold after a case, whatever has happened in it."""

from __future__ import annotations

import re
import time
from typing import Any

import libvirt

from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, faults

from .scene import NAME, Scene, Told, eventually

#: How long a job lock may be held after our call has returned, s. libvirt lets others wait for 30.
LOCK = 5.0


def domains(host: Host) -> list[Any]:
    """What a host knows, running or not."""
    found: list[Any] = host.connection().listAllDomains()
    return found


def inactive_xml(scene: Scene, host: Host) -> str:
    """The definition that a host keeps."""
    text: str = scene.guest.domain(host).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return text


def runs_only_at(scene: Scene, host: Host) -> None:
    """The guest runs at one host and nowhere else, with its memory and its definition."""
    other = next(each for each in scene.hosts if each is not host)
    scene.guest.beats.wait_for_passes(2)
    assert scene.guest.beats.is_intact(), f"{scene.guest.beats.errors} pages are wrong"
    # libvirt takes a moment to clear up after a failure.
    eventually(lambda: is_only_at(scene, host), f"only at {host.name}: {scene.whereabouts().answers}", 60)
    assert len(faults.qemu(host, NAME)) == 1
    is_defined_only_at(scene, host)
    # The listener of a migration that is over, and its process, would be in the way of the next one.
    eventually(lambda: not faults.qemu(other, NAME), "no QEMU is left at the other host", 15)


def is_only_at(scene: Scene, host: Host) -> bool:
    """The guest runs at this host, and the others say nothing else."""
    found = scene.whereabouts()
    return (found.state, found.host) == ("running", host.uri)


def is_defined_only_at(scene: Scene, host: Host) -> None:
    """The definition is at one host, with that host's address, and the other has forgotten the guest."""
    other = next(each for each in scene.hosts if each is not host)
    eventually(lambda: not domains(other), f"{other.name} has forgotten the guest", 15)
    assert scene.guest.domain(host).isPersistent()
    xml = inactive_xml(scene, host)
    assert f"'{host.address}'" in xml, xml
    assert f"'{other.address}'" not in xml, xml


def lock_is_free(scene: Scene, host: Host, limit: float = LOCK) -> None:
    """Nothing holds the guest's job lock for longer than this."""
    domain, start = scene.guest.domain(host), time.monotonic()
    while True:
        try:
            # Takes the lock to change, and changes nothing.
            domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, None, None, 1)
            break
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_OPERATION_TIMEOUT:
                raise
    held = time.monotonic() - start
    scene.notes["lock"] = max(scene.notes.get("lock", 0.0), held)
    assert held <= limit, f"the job lock was held for {held:.1f} s"


def reboots(scene: Scene, host: Host) -> None:
    """A soft reboot works: off, and on again from the persistent definition."""
    domain = scene.guest.domain(host)
    if domain.isActive():
        domain.destroy()
    scene.guest.beats.forget()
    domain.create()
    scene.guest.beats.wait_for_passes()
    assert domain.isActive()


def moves(scene: Scene, source: Host, destination: Host) -> None:
    """The guest can be moved, and is whole afterwards."""
    params = scene.params(source, destination)
    outcome = Guest.open(scene.guest.uuid, source.uri).migrate(params)
    assert outcome.guest_location == "destination-running"
    runs_only_at(scene, destination)


def all_is_well(scene: Scene, host: Host, limit: float = LOCK) -> None:
    """Everything: one place, memory, definition, no leftover, no lock, a reboot, and a second migration."""
    runs_only_at(scene, host)
    lock_is_free(scene, host, limit)
    reboots(scene, host)
    other = next(each for each in scene.hosts if each is not host)
    moves(scene, host, other)


def stays(scene: Scene, told: Told, error: str, limit: float = LOCK) -> None:
    """The migration failed like this, we said so and where the guest is, and it runs at the source."""
    assert told.error is not None, told
    assert re.search(error, str(told.error)), told.error
    assert told.place == "source-running", told
    all_is_well(scene, scene.source, limit)


def arrives(scene: Scene, told: Told) -> None:
    """We said that the guest is at the destination, and there it is."""
    assert told.error is None, told
    assert told.place == "destination-running", told
    all_is_well(scene, scene.destination)


def ended(scene: Scene, host: Host) -> None:
    """The guest's own process died, so it runs nowhere; it can be started here, and moved."""
    found = scene.whereabouts()
    assert (found.state, found.host) == ("shut off", host.uri), found.answers
    assert not any(faults.qemu(each, NAME) for each in scene.hosts)
    is_defined_only_at(scene, host)
    reboots(scene, host)
    all_is_well(scene, host)
