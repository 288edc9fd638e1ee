"""What has to hold after each round, and putting right what is left open, as a user would."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import libvirt
import libvirt_qemu

from libvirt_migrate import Guest, LibvirtError, MigrationFailed, where_is
from libvirt_migrate.lab import Host, Lab, LabError, LabGuest, faults

#: How long it may take until a guest is right, with what its user does, s.
PATIENCE = 120.0
#: How long a job lock may be held then, s.
LOCK = 5.0


class Broken(AssertionError):
    """What must hold does not."""


@dataclass
class Checked:
    """One guest of a round."""

    guest: LabGuest
    way: str
    source: Host
    destination: Host
    #: By our word, and the text with it.
    place: str
    text: str
    #: Its own QEMU may have been killed: it may have to be started again.
    mortal: bool
    began: float
    #: What was done to put it right.
    done: list[str] = field(default_factory=list)

    def fail(self, what: str) -> Broken:
        """What is told."""
        answers = where_is(self.guest.uuid, [self.source.uri, self.destination.uri]).answers
        done = ", ".join(dict.fromkeys(self.done)) or "nothing"
        return Broken(
            f"{self.guest.name} ({self.way}): {what}; told {self.place}: {self.text}; {answers}; done: {done}"
        )


def domains(host: Host) -> list[Any]:
    """What a host knows, running or not."""
    found: list[Any] = host.connection().listAllDomains()
    return found


def check(lab: Lab, each: Checked) -> Host:
    """Has the guest put right and everything checked. Returns the host where it runs."""
    two_ran(each)
    told_truly(lab, each)
    deadline = time.monotonic() + PATIENCE
    while (host := right(lab, each)) is None:
        if time.monotonic() > deadline:
            raise each.fail(f"it cannot be put right: {'; '.join(left(lab, each))}")
        time.sleep(0.5)
    alive(each, host)
    alone(lab, each, host)
    lock_is_free(each, host)
    return host


def two_ran(each: Checked) -> None:
    """Of an exclusive one each host's process spoke in one turn."""
    senders = [turn.sender for turn in each.guest.beats.turns(each.began)]
    if each.way == "exclusive" and len(senders) != len(set(senders)):
        raise each.fail(f"two ran: {senders}")


#: Where a guest can be told to be that has not ended, and what is to be found then.
STANDS = {
    "source-running": ("source", "running"),
    "destination-running": ("destination", "running"),
    "source-paused": ("source", "paused"),
    "destination-paused": ("destination", "paused"),
}
#: Told of a guest that ran at both hosts, and stands still at its source since.
PARTED = "it went on at both hosts"
#: Told with the doubt that it deserves: one host alone has answered.
DOUBT = "may run the guest as well"


def told_truly(lab: Lab, each: Checked) -> None:
    """What we have told of a guest that has not ended since is so: before anybody puts anything right."""
    stands = STANDS.get(each.place)
    if stands is None or each.mortal or DOUBT in each.text:
        return
    side, state = stands
    host = each.source if side == "source" else each.destination
    found = where_is(each.guest.uuid, [host.uri for host in lab.hosts])
    if (found.host, found.state) == (host.uri, "migrating") and not has_job(each, host):
        # A destination that was killed has its copy until it has looked after it.
        return
    if PARTED in each.text:
        stood = found.state == "several" and "paused" in str(found.answers[lab.hosts.index(each.source)])
        if not stood:
            raise each.fail(f"it is {found.state} at {found.host}, and is told to stand still at its source")
        return
    if (found.host, found.state) != (host.uri, state):
        raise each.fail(f"it is {found.state} at {found.host}; its job then: {', '.join(jobs(each, host))}")


def has_job(each: Checked, host: Host) -> bool:
    """Whether the host says that it is being migrated."""
    return Guest.open(each.guest.uuid, host.uri).job_info().type_name != "none"


def jobs(each: Checked, host: Host) -> list[str]:
    """What the host says of its job, for some seconds."""
    said = []
    for _ in range(10):
        try:
            job = Guest.open(each.guest.uuid, host.uri).job_info()
            said.append(f"{job.type_name} {job.operation} {job.memory_remaining}")
        except LibvirtError as error:
            said.append(str(error)[:80])
        time.sleep(1)
    return said


def right(lab: Lab, each: Checked) -> Host | None:
    """The one host where it runs; one step of a user's where there is none."""
    found = where_is(each.guest.uuid, [host.uri for host in lab.hosts])
    host = next((host for host in lab.hosts if host.uri == found.host), None)
    others = [other for other in lab.hosts if other is not host and knows(other, each.guest)]
    if found.state == "running" and not others:
        return host
    if found.state == "paused" and host is not None and not others and each.way == "paused":
        each.guest.domain(host).resume()
        each.done.append("resume")
        return None
    if found.state in ("shut off", "absent") or (found.state == "post-copy-broken" and each.mortal):
        start_again(lab, each)
        return None
    recover(each)
    return None


def left(lab: Lab, each: Checked) -> list[str]:
    """What each host has of the guest."""
    said = []
    for host in lab.hosts:
        known = [domain for domain in domains(host) if domain.UUIDString() == each.guest.uuid]
        states = [f"{domain.state()}, persistent {domain.isPersistent()}" for domain in known]
        said.append(f"{host.name} has {states}, processes {faults.qemu(host, each.guest.name)}")
    return said


def knows(host: Host, guest: LabGuest) -> bool:
    """Whether the host has something of the guest."""
    return any(domain.UUIDString() == guest.uuid for domain in domains(host)) or bool(
        faults.qemu(host, guest.name)
    )


def recover(each: Checked) -> None:
    """As the messages tell."""
    try:
        guest = Guest.open(each.guest.uuid, each.source.uri)
    except LibvirtError:
        if each.way == "exclusive":
            Guest.open(each.guest.uuid, each.destination.uri).resume()
            each.done.append("resume at the destination")
        return
    try:
        guest.recover(destination=each.destination.uri, exclusive=each.way == "exclusive")
        each.done.append("recover")
    except MigrationFailed as error:
        each.done.append(f"recover: {str(error)[:120]}")
        follow(each, str(error))
        if "keep=" in str(error):
            guest.recover(destination=each.destination.uri, keep="destination")
            each.done.append("recover(keep=destination)")
            # Both have told how far they were.
            each.guest.beats.forget()
    except LibvirtError as error:
        each.done.append(f"recover: {str(error)[:80]}")
        follow(each, str(error))


def follow(each: Checked, advice: str) -> None:
    """Restarts a daemon where the advice says so: libvirt keeps the job of a process that is gone."""
    if "state change lock" in advice and ("restart that daemon" in advice or each.mortal):
        there = "destination's daemon" in advice
        faults.restart_daemon(each.destination if there else each.source)
        each.done.append("restart the daemon")


def crashed(lab: Lab, each: Checked) -> bool:
    """Whether its QEMU has ended by a fault of its own, as libvirt tells."""
    crash = (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED)
    return any(
        tuple(domain.state()) == crash
        for host in lab.hosts
        for domain in domains(host)
        if domain.UUIDString() == each.guest.uuid
    )


def start_again(lab: Lab, each: Checked) -> None:
    """A guest whose QEMU was killed, as after a power failure, or has crashed, which is counted."""
    if not each.mortal:
        if not crashed(lab, each):
            raise each.fail("it is lost")
        each.done.append("start after a crash of QEMU's own")
    each.guest.beats.forget()
    kept = [host for host in lab.hosts if knows(host, each.guest)]
    for host in kept:
        if each.guest.domain(host).isActive():
            each.guest.domain(host).destroy()
    keeper = next((host for host in kept if knows(host, each.guest)), None)
    if keeper is None:
        raise each.fail("no host keeps a definition of it")
    each.guest.domain(keeper).create()
    if each.mortal:
        each.done.append("start")


def alive(each: Checked, host: Host) -> None:
    """It counts, and every page is right."""
    try:
        each.guest.beats.wait_for_passes(2, timeout=90)
    except LabError as error:
        # Before 9.0 QEMU's emulator loses stores of a guest with page tables, which panics or falls silent
        # (docs/lab.md): no doing of ours, and counted. Guests without them have no such excuse.
        if not each.guest.address:
            raise each.fail(f"{error}; {processor(each, host)}") from error
        domain = each.guest.domain(host)
        domain.destroy()
        each.guest.beats.forget()
        domain.create()
        each.done.append("start after a panic" if "Kernel panic" in str(error) else "start after silence")
        each.guest.beats.wait_for_passes(2, timeout=90)
    if not each.guest.beats.is_intact():
        beats = each.guest.beats
        raise each.fail(f"{beats.errors} pages are wrong; {beats.fell_back or 'its count never fell back'}")


def processor(each: Checked, host: Host) -> str:
    """What the guest's QEMU says of itself, where the guest says nothing."""
    domain = each.guest.domain(host)
    said = [f"at {host.name} {domain.state()}"]
    for question in ("info status", "info block-jobs", "info registers"):
        try:
            flag = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
            answer = libvirt_qemu.qemuMonitorCommand(domain, question, flag)
        except libvirt.libvirtError as error:
            answer = str(error)
        said.append(" ".join(answer.split())[:200])
    return "; ".join(said)


def alone(lab: Lab, each: Checked, host: Host) -> None:
    """One process, and one definition, with the address of its host."""
    numbers = {other.name: len(faults.qemu(other, each.guest.name)) for other in lab.hosts}
    if numbers != {other.name: int(other is host) for other in lab.hosts}:
        raise each.fail(f"processes: {numbers}")
    domain = each.guest.domain(host)
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    if not domain.isPersistent() or f"'{host.address}'" not in xml:
        raise each.fail("its definition is not its host's")


def lock_is_free(each: Checked, host: Host) -> None:
    """Nothing holds its job lock."""
    start = time.monotonic()
    each.guest.domain(host).setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, None, None, 1)
    if (held := time.monotonic() - start) > LOCK:
        raise each.fail(f"its job lock was held for {held:.1f} s")
