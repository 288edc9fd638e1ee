"""Judges a cell: `plan`'s word, the move, what works then, both definitions, the way back, the next start."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import libvirt

from helpers.commands import command
from helpers.events import events
from libvirt_migrate.lab import Host
from libvirt_migrate.lab.sessions import Ping, Session

from .cell import Cell
from .frame import BUSY, IDLE, Check, Stage


@dataclass
class Move:
    """What was seen of one move, in seconds."""

    took: float
    #: The guest's own longest silence, and how long others on the network did without it.
    pause: float
    tcp: float
    ping: float


@dataclass
class Verdict:
    """A row of the page."""

    said: str
    there: dict[str, float] | None = None
    back: dict[str, float] | None = None
    restarted: bool = False


def judge(cell: Cell, stage: Stage) -> Verdict:
    """Moves the guest there and back, and starts it anew; asserts that all of it is right."""
    _hold(stage.checks, stage.source)
    said = _plan(cell, stage, stage.source, stage.destination)
    if cell.refused is not None:
        return Verdict(said)
    there = move(stage, stage.source, stage.destination)
    _hold(stage.checks, stage.destination)
    _definitions(stage, stage.destination)
    _plan(cell, stage, stage.destination, stage.source)
    back = move(stage, stage.destination, stage.source)
    _hold(stage.checks, stage.source)
    _definitions(stage, stage.source)
    restart(stage, stage.source)
    return Verdict(said, asdict(there), asdict(back), True)


def _hold(checks: list[Check], host: Host) -> None:
    for check in checks:
        check(host)


def _plan(cell: Cell, stage: Stage, source: Host, destination: Host) -> str:
    """Asks `plan`, whose word must be the cell's."""
    done = command(*stage.words("plan", source, destination, "--json"), timeout=110)
    assert done.stderr == ""
    told = events(done.stdout)
    checks = [event for event in told if event["event"] == "check"]
    failed = {check["name"]: check for check in checks if check["result"] == "fail"}
    if cell.refused is not None:
        assert set(failed) == {cell.refused}, failed
        assert failed[cell.refused]["fatal"], failed
        return _refused(cell, stage, failed[cell.refused]["reason"])
    assert failed == {}, failed
    unknown = tuple(check["name"] for check in checks if check["result"] == "not known")
    assert set(unknown) <= set(cell.unknown), [check for check in checks if check["name"] in unknown]
    return f"ready ({', '.join(unknown)} not known)" if unknown else "ready"


def _refused(cell: Cell, stage: Stage, reason: str) -> str:
    """libvirt itself refuses what `plan` says cannot be moved, without harm."""
    domain = stage.domain(stage.source)
    xml = stage.guest.xml_for(
        stage.source, stage.destination, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    )
    flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNSAFE
    try:
        domain.migrateToURI3(stage.destination.uri, {libvirt.VIR_MIGRATE_PARAM_DEST_XML: xml}, flags)
    except libvirt.libvirtError:
        stage.guest.beats.wait_for_passes(2)
        return f"{cell.refused}: {reason}"
    raise AssertionError("libvirt has moved the guest")


def move(stage: Stage, source: Host, destination: Host) -> Move:
    """Moves it with a TCP session and a ping from this machine, which must live on."""
    beats, address = stage.guest.beats, stage.guest.address
    if stage.paused:
        start = time.time()
        _migrate(stage, source, destination)
        return Move(time.time() - start, 0, 0, 0)
    stage.run(source, BUSY)
    with Session(address) as session, Ping(address) as ping:
        time.sleep(0.2)
        start = time.time()
        _migrate(stage, source, destination)
        end = time.time()
        beats.wait_for_passes(2, timeout=60)
        _until(lambda: session.answers(end) > 0 and ping.answers(end) > 0, f"answers ({session.wrong})")
        assert session.wrong == ""
        assert beats.is_intact(), f"{beats.errors} pages are wrong"
        until = time.time()
        gaps = [each.longest_gap(start, until) for each in (beats, session, ping)]
    stage.run(destination, IDLE)
    return Move(end - start, *gaps)


def _migrate(stage: Stage, source: Host, destination: Host) -> None:
    done = command(*stage.words("migrate", source, destination), timeout=150)
    assert done.returncode == 0, (done.stdout, done.stderr)
    state, _ = stage.domain(destination).state()
    assert state == (libvirt.VIR_DOMAIN_PAUSED if stage.paused else libvirt.VIR_DOMAIN_RUNNING)
    assert not any(domain.UUIDString() == stage.guest.uuid for domain in source.connection().listAllDomains())


def _until(condition: Any, what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def _definitions(stage: Stage, host: Host) -> None:
    """Both definitions have this host's address and not the other one's."""
    other = stage.source if host is stage.destination else stage.destination
    domain = stage.domain(host)
    assert domain.isPersistent()
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        xml = domain.XMLDesc(flags)
        assert f"'{host.address}'" in xml
        assert f"'{other.address}'" not in xml


def restart(stage: Stage, host: Host) -> None:
    """Its next start, of its persistent definition."""
    domain = stage.domain(host)
    domain.destroy()
    _until(lambda: not domain.isActive(), "that it is off", 60)
    stage.guest.beats.forget()
    domain.create()
    stage.guest.beats.wait_for_passes(timeout=300)
    checks = stage.checks if stage.checks_restarted is None else stage.checks_restarted
    _hold(checks, host)
