"""One guest, the host that it is at, and the one that it is to move to; and what must be so afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import libvirt
import pytest

from libvirt_migrate import Guest, MigrateFlags, MigrateParams, build_migrate_params
from libvirt_migrate.cli.checks.machine import machines, nearest
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload, releases
from libvirt_migrate.lab.demo import listen_address

INACTIVE, MIGRATABLE = libvirt.VIR_DOMAIN_XML_INACTIVE, libvirt.VIR_DOMAIN_XML_MIGRATABLE
F = MigrateFlags
EMULATOR = "/usr/bin/qemu-system-x86_64"
#: What every migration has.
DEFAULT = build_migrate_params().flags


@dataclass
class Scene:
    """A guest and two hosts."""

    lab: Lab
    source: Host
    destination: Host
    guest: LabGuest

    @property
    def ours(self) -> Guest:
        """The guest at its source, as ours."""
        return Guest(self.guest.domain(self.source))

    @property
    def machine(self) -> str:
        """The guest's machine type, with its version."""
        text = self.guest.domain(self.source).XMLDesc()
        return str(text.partition("machine='")[2].partition("'")[0])

    def xml(self) -> str:
        """The definition for the destination."""
        return self.guest.xml_for(self.source, self.destination, self.ours.xml(migratable=True, secure=True))

    def params(self, **more: Any) -> MigrateParams:
        """What moves the guest."""
        return build_migrate_params(self.xml(), destination=self.destination.uri, **more)

    def turned(self) -> Scene:
        """The way back."""
        return Scene(self.lab, self.destination, self.source, self.guest)


def newest_machine(*hosts: Host) -> str:
    """The newest Q35 machine type that all of them have."""
    each = [machines(host.connection().getCapabilities(), "x86_64", EMULATOR) for host in hosts]
    common = tuple(name for name in each[0] if all(name in found for found in each))
    newest = nearest("pc-q35-999.0", common)
    assert newest is not None, f"{hosts} have no Q35 machine type in common"
    return newest


def need_releases(*names: str) -> None:
    """Skips a test whose hosts are not to be had here."""
    if os.geteuid() != 0:
        pytest.skip("the lab makes network namespaces, which takes root")
    missing = [name for name in names if releases.find(name) is None]
    if missing:
        pytest.skip(
            f"without a host of Debian's {' and '.join(missing)}, which take 1 GiB and some minutes: "
            f"`python -m libvirt_migrate.lab release {' '.join(missing)}`, or `make matrix`, gets them"
        )


@contextmanager
def stage(
    lab: Lab, source: Host, destination: Host, name: str, workload: Workload | None = None, **more: Any
) -> Iterator[Scene]:
    """A guest of the newest Q35 machine type that both hosts have, or another; gone at the end."""
    work = workload or Workload(working_set=16)
    chosen: dict[str, Any] = {"machine": newest_machine(source, destination), "memory": 64}
    guest = lab.start_guest(name, source, workload=work, **chosen | more)
    try:
        yield Scene(lab, source, destination, guest)
    finally:
        lab.remove_guest(guest)


def known(host: Host) -> set[str]:
    """The uuids of the guests that a host knows."""
    return {domain.UUIDString() for domain in host.connection().listAllDomains()}


def check_definitions(scene: Scene, at: Host) -> None:
    """The rule of the two definitions: the host has both, each with its own address."""
    domain = scene.guest.domain(at)
    for which, flags in (("live", 0), ("persistent", INACTIVE)):
        found = listen_address(domain, flags)
        assert found == at.address, f"the {which} definition has {found}, and the host is {at.address}"
    assert domain.isPersistent(), "the guest has no persistent definition"


def check_runs(scene: Scene, at: Host, elsewhere: Host) -> None:
    """The guest runs at one host with all of its memory, and the other has nothing of it."""
    scene.guest.beats.wait_for_passes(2)
    assert scene.guest.beats.is_intact(), f"{scene.guest.beats.errors} pages are wrong"
    assert scene.guest.uuid not in known(elsewhere), f"{elsewhere.name} still has the guest"
    check_definitions(scene, at)


def check_moved(scene: Scene) -> None:
    """It has moved, and its next start has the right definition."""
    check_runs(scene, scene.destination, scene.source)
    domain = scene.guest.domain(scene.destination)
    domain.destroy()
    scene.guest.beats.forget()
    domain.create()
    scene.guest.beats.wait_for_passes()
    check_definitions(scene, scene.destination)


def check_stayed(scene: Scene) -> None:
    """It has not moved."""
    check_runs(scene, scene.source, scene.destination)
