"""One case's stage: two fresh hosts, a guest that counts, and a migration in the wanted phase."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import libvirt

from libvirt_migrate import (
    Convergence,
    Guest,
    LibvirtError,
    MigrateFlags,
    MigrateParams,
    Migration,
    MigrationCancelled,
    MigrationFailed,
    Outcome,
    build_migrate_params,
    where_is,
)
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload, faults

F = MigrateFlags
DEFAULT = build_migrate_params().flags
POST_COPY = DEFAULT | F.POSTCOPY
NAME = "vm"
#: libvirt's states of a domain, as [state, reason].
AT_SWITCHOVER = [3, 2]
#: At the source and at the destination.
IN_POST_COPY = [[3, 12], [1, 10]]
#: A guest that never converges with the bandwidth below and an intent that allows no pause.
BUSY = Workload(working_set=40)
NEVER = Convergence(max_downtime=0.001)
#: MiB/s.
BANDWIDTH = 8
#: What is done for the sake of a guest, rather than for its speed.
RECOVERING = {
    "abort",
    "finish-abort",
    "reconnect",
    "release",
    "remove-destination",
    "remove-source",
    "resume",
    "resume-destination",
    "resume-post-copy",
    "trust-destination",
    "undefine-source",
}

_numbers = itertools.count()


def eventually(condition: Callable[[], Any], what: str, timeout: float = 60) -> None:
    """Waits for something that others do."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


@dataclass
class Told:
    """How a migration ended, by our word."""

    outcome: Outcome | None = None
    error: MigrationFailed | MigrationCancelled | None = None
    #: Seconds from the fault to the end of the call.
    after: float = 0.0

    @property
    def place(self) -> str:
        """Where the guest is, by our word."""
        return self.outcome.guest_location if self.outcome else getattr(self.error, "guest_location", "?")

    @property
    def text(self) -> str:
        """The end in words, with nothing in it that differs from run to run."""
        if self.error is None:
            return "done"
        text = str(self.error).splitlines()[0]
        for pattern, plain in (
            (r"\d{4}-\d\d-\d\dT\S+ ", ""),
            (r"10\.213\.\d+\.1\b", "the source"),
            (r"10\.213\.\d+\.2\b", "the destination"),
            (r"[0-9a-f]{8}-[0-9a-f-]{27}", "its uuid"),
        ):
            text = re.sub(pattern, plain, text)
        return text


@dataclass
class Scene:
    """The stage."""

    lab: Lab
    source: Host
    destination: Host
    guest: LabGuest
    migration: Migration | None = None
    #: Parameters that every migration of this guest has.
    always: dict[str, Any] = field(default_factory=dict)
    broken: float = field(default_factory=time.monotonic)
    #: What was measured and seen, for the report.
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def machine(self) -> str:
        """This machine's address on the lab's network, which callers connect from."""
        return self.source.address.rpartition(".")[0] + ".254"

    @property
    def hosts(self) -> list[Host]:
        return [self.source, self.destination]

    def params(
        self, source: Host | None = None, destination: Host | None = None, **more: Any
    ) -> MigrateParams:
        """What moves the guest to the other host, with its address there."""
        source, destination = source or self.source, destination or self.destination
        xml = self.guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
        xml = self.guest.xml_for(source, destination, xml)
        return build_migrate_params(xml, destination=destination.uri, **{**self.always, **more})

    def begin(self, convergence: Convergence | None = NEVER, **more: Any) -> Migration:
        """Starts the migration, slow unless told otherwise, over a connection of its own."""
        params = self.params(**{"bandwidth": BANDWIDTH, **more})
        guest = Guest.open(self.guest.uuid, self.source.uri)
        self.migration = guest.start_migration(params, convergence=convergence)
        return self.migration

    def in_setup(self, **more: Any) -> None:
        """The destination has started its QEMU, and no memory has moved yet."""
        file = self.destination.folder / "run" / "qemu" / f"{NAME}.pid"
        migration = self.begin(**more)
        eventually(lambda: migration.done or file.exists(), "QEMU at the destination")

    def in_precopy(self, **more: Any) -> None:
        """Memory moves, and the guest runs at the source."""
        migration = self.begin(**more)
        self.await_memory(migration)

    def reach(self, call: Callable[[Migration], None]) -> None:
        """Steers the migration as soon as there is a connection to do so."""
        migration = self.migration
        assert migration is not None

        def reached() -> bool:
            try:
                call(migration)
            except LibvirtError:
                assert not migration.done, "it is over"
                return False
            return True

        eventually(reached, "the migration is in our hands")

    @staticmethod
    def await_memory(migration: Migration) -> None:
        """Waits until memory moves."""
        eventually(
            lambda: (
                migration.done
                or (migration.progress.phase == "memory" and migration.progress.memory_remaining > 0)
            ),
            "memory moves",
        )
        assert not migration.done, "it is over too soon"

    def in_postcopy(self, **more: Any) -> None:
        """The guest runs at the destination, and most of its memory is still at the source."""
        self.in_precopy(**{"flags": POST_COPY, "bandwidth_postcopy": 4, **more})
        assert self.migration is not None
        self.migration.force_complete()
        here, there = self.guest.domain(self.source), self.guest.domain(self.destination)
        eventually(lambda: [here.state(), there.state()] == IN_POST_COPY, "post-copy")

    def at_switchover(self, **more: Any) -> None:
        """The source's guest stands still and all of its memory has been sent; the destination's does not run
        yet, since its daemon is held just before that."""
        self.in_precopy(**more)
        assert self.migration is not None
        self.signal(self.destination, "STOP")
        self.migration.set_max_downtime(60)
        self.migration.set_bandwidth(0)
        domain = self.guest.domain(self.source)
        eventually(lambda: domain.state() == AT_SWITCHOVER, "the switchover")
        # And what is left of the memory has gone.
        eventually(lambda: domain.jobStats().get("memory_remaining") == 0, "all of the memory")
        time.sleep(0.3)

    def signal(self, host: Host, name: str) -> None:
        """Sends a signal to a host's daemon."""
        host.run("kill", f"-{name}", faults.daemon_number(host))

    def now(self) -> None:
        """The fault is there: times count from here."""
        self.broken = time.monotonic()

    def told(self, migration: Migration | None = None, timeout: float = 150) -> Told:
        """Waits for the end of the migration."""
        migration = migration or self.migration
        assert migration is not None
        assert migration.wait(timeout), f"no end after {timeout} s: {migration!r}, {migration.decisions}"
        return self.tell(migration.result)

    def tell(self, call: Callable[[], Outcome], what: str = "migrate") -> Told:
        """What a call ends with that moves the guest or puts it right."""
        try:
            told = Told(outcome=call())
        except (MigrationFailed, MigrationCancelled) as error:
            told = Told(error=error)
        told.after = time.monotonic() - self.broken
        steps = told.outcome or getattr(told.error, "outcome", None)
        acts = [step.action for step in steps.decisions] if steps else []
        said = {"what": what, "text": told.text, "place": told.place, "after": told.after}
        self.note(**said, acts=[act for act in acts if act in RECOVERING])
        return told

    def note(self, **end: Any) -> None:
        """Something for the report: what ended, with what text, where, after how long, and what was done."""
        self.notes.setdefault("ends", []).append({"after": 0.0, "acts": [], **end})

    def recover(self, **more: Any) -> Told:
        """Puts the guest right."""
        guest = Guest.open(self.guest.uuid, self.source.uri)
        return self.tell(lambda: guest.recover(destination=self.destination.uri, **more), "recover")

    def whereabouts(self) -> Any:
        """Where the guest is."""
        return where_is(self.guest.uuid, [host.uri for host in self.hosts])

    def place(self) -> Host | None:
        """The one host where the guest runs."""
        found = self.whereabouts()
        return next(
            (host for host in self.hosts if host.uri == found.host and found.state == "running"), None
        )

    def caller(self, script: str) -> subprocess.Popen[str]:
        """A process that moves the guest; `guest` and `params` are its own. Waits until it says so."""
        begin = f"""
            import os, signal, sys, time, threading
            from libvirt_migrate import *
            from libvirt_migrate.lab import Lab
            source, destination = Lab.attach({self.lab.name!r}).hosts
            guest = Guest.open({self.guest.uuid!r}, source.uri)
            xml = guest.xml(migratable=True).replace(repr(source.address), repr(destination.address))
            flags = build_migrate_params().flags | MigrateFlags.POSTCOPY
            params = build_migrate_params(
                xml, destination=destination.uri, flags=flags, bandwidth={BANDWIDTH}, bandwidth_postcopy=4)
            never = Convergence(max_downtime=0.001)
            def moving(migration):
                while not migration.progress.memory_remaining:
                    time.sleep(0.02)
        """
        code = textwrap.dedent(begin) + textwrap.dedent(script)
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@contextlib.contextmanager
def stage(*, memory: int = 64, guest: bool = True) -> Iterator[Scene]:
    """Fresh hosts and, with `guest`, one of `memory` MiB on the first."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    with Lab(f"fault-{os.getpid()}-{next(_numbers)}") as lab:
        source, destination = lab.hosts
        lab_guest: Any = None
        if guest:
            lab_guest = lab.start_guest(NAME, memory=memory, workload=BUSY)
        scene = Scene(lab, source, destination, lab_guest)
        try:
            yield scene
        finally:
            for host in lab.hosts:
                with contextlib.suppress(Exception):
                    faults.heal(host)
