"""Moves that take as long as they are let, and guests that end meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import libvirt
import pytest

from helpers.lab_moves import params_for, wait_for_job
from libvirt_migrate import Convergence, Guest, Migration, MigrationFailed
from libvirt_migrate.lab import Host

from .frame import Stage
from .judge import move


def slowly(stage: Stage) -> Migration:
    """Starts a move that takes as long as it is let."""
    domain = stage.domain(stage.source)
    params = params_for(stage.guest, stage.hosts, bandwidth=1)
    migration = Guest(domain).start_migration(params, convergence=Convergence(max_downtime=10))
    wait_for_job(domain)
    return migration


def fast(migration: Migration) -> None:
    migration.set_bandwidth(0)


def defined(stage: Stage, host: Host) -> bool:
    return any(domain.UUIDString() == stage.guest.uuid for domain in host.connection().listAllDomains())


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def ends(stage: Stage, end: Callable[[], object]) -> str:
    """It ends while it moves: the error says so, the source keeps its definition, and it starts there."""
    migration = slowly(stage)
    end()
    domain = stage.domain(stage.source)
    until(lambda: not domain.isActive(), "that it has ended", 90)
    with pytest.raises(MigrationFailed) as caught:
        migration.result(timeout=90)
    assert caught.value.guest_location == "source-shut-off", caught.value
    said = caught.value.message
    until(lambda: not defined(stage, stage.destination), "that the destination has forgotten it")
    assert domain.isPersistent()
    assert domain.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF
    stage.guest.beats.forget()
    domain.create()
    stage.guest.beats.wait_for_passes(timeout=300)
    move(stage, stage.source, stage.destination)
    return f"source-shut-off, {told(said, stage)}"


def told(said: str, stage: Stage) -> str:
    """An error without what differs from run to run."""
    for host, name in ((stage.source, "host1"), (stage.destination, "host2")):
        said = said.replace(host.address, name)
    said = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z ", "", said)
    return said.replace(stage.guest.name, "vm1").partition("\n")[0]
