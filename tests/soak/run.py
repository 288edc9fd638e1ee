"""The soak: python -m soak.run MINUTES SEED RECORD (in tests/); `make soak` tells the rest."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt

from helpers.images import Images, disk
from libvirt_migrate import LibvirtError, Migration
from libvirt_migrate.lab import Host, Lab, LabError, LabGuest, faults

from . import commanded
from .commanded import Commanded
from .history import Round, Seed, drawn
from .judge import Broken, Checked, check
from .kinds import KINDS, Kind
from .moves import ending, see_through, start, steer
from .troubles import Troubles

#: The size of a disk's image, bytes.
IMAGE = 1 << 20
#: How long a migration may take with its faults, s.
LONGEST = 240.0
#: A run in which so many rounds have failed says nothing more.
MOST_FAILURES = 10
TOOLS = ("libvirtd", "qemu-system-x86_64", "nft", "ss", "tc", "certtool", "libfaketime")
#: What is needed besides, MiB: memory for the guests at both hosts, and room for their files.
ROOM = {"memory": 2048, "disk": 512}


class Unable(Exception):
    """The soak cannot run here; what to do is said."""


def able() -> None:
    """Refuses a machine without root, room or packages, before anything is started."""
    if os.geteuid() != 0:
        raise Unable("the lab makes network namespaces, which takes root: run it as root")
    if missing := [tool for tool in TOOLS if not find(tool)]:
        raise Unable(f"not installed: {', '.join(missing)}; scripts/deps installs what the lab needs")
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    memory = int(lines["MemAvailable"].split()[0]) >> 10
    disk = shutil.disk_usage(tempfile.gettempdir()).free >> 20
    for what, has in (("memory", memory), ("disk", disk)):
        if has < ROOM[what]:
            raise Unable(f"{has} MiB of {what} are free, and {ROOM[what]} MiB are needed")


def find(tool: str) -> str | Path | None:
    """Where a program or library is; some are not on a user's path."""
    if tool == "libfaketime":
        return commanded.clock_library()
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Soak:
    """The rounds of one seed, one after the other, in one lab."""

    def __init__(self, lab: Lab, seed: Seed, record: Path) -> None:
        self.lab, self.seed, self._record = lab, seed, record
        self.guests = [self._guest(kind) for kind in KINDS]
        for guest in self.guests:
            guest.beats.wait_for_passes(timeout=300)
        self.at: dict[str, Host] = {guest.uuid: lab.hosts[0] for guest in self.guests}
        self.migrations = self.faults = 0

    def _guest(self, kind: Kind) -> LabGuest:
        devices = ""
        if kind.disk:
            Images(self.lab.hosts[0]).make(kind.image, size=IMAGE)
            devices = disk(kind.image, target="hda", bus="ide")
        return self.lab.start_guest(
            kind.name,
            memory=kind.memory,
            workload=kind.workload,
            devices=devices,
            system=kind.system,
            wait=False,
        )

    def round(self, number: int) -> None:
        """One round, and all that must hold after it."""
        planned = drawn(self.seed, number)
        row: dict[str, Any] = {"seed": str(self.seed), **planned.to_dict()}
        row |= {"routes": {}, "ends": [], "happened": [], "missed": []}
        began = time.monotonic()
        try:
            _Turn(self, planned, row).run()
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            row["took"] = round(time.monotonic() - began, 1)
            with self._record.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def begin_again(self, number: int) -> None:
        """The guests of a round that failed are made anew, so that those after it say something too."""
        self.heal()
        for host in self.lab.hosts:
            # Whatever lock it keeps goes with it.
            faults.restart_daemon(host)
        for index in sorted({move.guest for move in drawn(self.seed, number).moves}):
            self.lab.remove_guest(self.guests[index])
            guest = self.guests[index] = self._guest(KINDS[index])
            guest.beats.wait_for_passes(timeout=300)
            self.at[guest.uuid] = self.lab.hosts[0]

    def heal(self) -> None:
        """Both hosts are whole again, whatever two faults have made of each other."""
        for host in self.lab.hosts:
            # It may have been reset, which is not known of it yet.
            host.close()
            with contextlib.suppress(LabError):
                faults.heal(host)
            with contextlib.suppress(LabError, OSError):
                host.run("kill", "-CONT", faults.daemon_number(host))
            with contextlib.suppress(LabError):
                host.start_daemon()


class _Turn:
    """One round that runs."""

    def __init__(self, soak: Soak, planned: Round, row: dict[str, Any]) -> None:
        self.soak, self.planned, self.row = soak, planned, row
        self.commands: list[Commanded] = []
        first, _ = self._way(planned.moves[0].guest)
        # One host is drained, and the guests of the others stay.
        here = [move for move in planned.moves if self._way(move.guest)[0] is first]
        self.moves = here if planned.drains else planned.moves

    def _way(self, number: int) -> tuple[Host, Host]:
        """A guest's host, and the one where it is to go."""
        hosts = self.soak.lab.hosts
        source = self.soak.at[self.soak.guests[number].uuid]
        return source, hosts[(hosts.index(source) + self.planned.hop) % len(hosts)]

    def run(self) -> None:
        """It, and all that must hold after it."""
        began = time.time()
        names = [self.soak.guests[move.guest].name for move in self.moves]
        ways = [self._way(move.guest) for move in self.moves]
        for move, (source, destination) in zip(self.moves, ways, strict=True):
            self.row["routes"][KINDS[move.guest].name] = f"{source.name} to {destination.name}"
            if KINDS[move.guest].disk:
                # A new one: what is in it afterwards was copied.
                Images(destination).make(KINDS[move.guest].image, size=IMAGE)
        troubles = Troubles(*ways[0], names)
        troubles.commands = self.commands
        troubles.begin(self.planned.faults)
        running: list[Any] = []
        try:
            for move in self.moves:
                running.append(self._begin(move.guest, move.way))
            time.sleep(0.5)
            for move, migration in zip(self.moves, running, strict=True):
                if not isinstance(migration, str | Commanded):
                    steer(migration, move.way)
            ended = [
                self._ended(migration, move.way, name)
                for move, name, migration in zip(self.moves, names, running, strict=True)
            ]
        finally:
            troubles.over()
            for command in self.commands:
                command.close()
            self.row |= {"happened": troubles.happened, "missed": troubles.missed}
            self.row["decisions"] = {
                name: [str(decision) for decision in migration.decisions]
                for name, migration in zip(names, running, strict=False)
                if isinstance(migration, Migration)
            }
            self.soak.heal()
        self.soak.migrations += len(self.moves)
        self.soak.faults += len(troubles.happened)
        for move, way, (place, text) in zip(self.moves, ways, ended, strict=True):
            guest = self.soak.guests[move.guest]
            self.row["ends"].append([guest.name, move.way, place, text])
            each = Checked(guest, move.way, *way, place, text, self._mortal(move.way), began)
            self.soak.at[guest.uuid] = check(self.soak.lab, each)
            self.row["ends"][-1].append(each.done)

    def _mortal(self, way: str) -> bool:
        """Whether a guest may be lost by what went wrong, whoever moves it."""
        faults = {fault.what for fault in self.planned.faults}
        # libvirt ends a guest in post-copy whose definition it cannot write at the destination. Whether it
        # can is looked at before, and may be otherwise a moment later.
        # A QEMU that finds no memory for a thread ends, and in post-copy the guest with it.
        ends = {"configuration full", "memory short"} if way == "post-copy" else set()
        return "QEMU killed" in faults or bool(faults & ends)

    def _begin(self, number: int, way: str) -> Any:
        guest, copies = self.soak.guests[number], KINDS[number].disk
        source, destination = self._way(number)
        if way == "drain":
            # One for all of them.
            if not self.commands:
                self.commands.append(commanded.drain(source, destination))
            return self.commands[0]
        if way == "command":
            self.commands.append(commanded.migrate(guest.name, source, destination, copies=copies))
            return self.commands[-1]
        try:
            return start(guest, way, source, destination, copies=copies)
        except (LibvirtError, libvirt.libvirtError, LabError) as error:
            # Its host may be away just now.
            return str(error)

    @staticmethod
    def _ended(migration: Any, way: str, name: str) -> tuple[str, str]:
        if isinstance(migration, str):
            return "refused", migration
        if isinstance(migration, Commanded):
            if not commanded.see_through(migration, LONGEST):
                raise Broken(f"the command does not end after {LONGEST:.0f} s")
            return migration.ending(name)
        if not see_through(migration, way, LONGEST):
            raise Broken(f"no end after {LONGEST:.0f} s: {migration!r}, {migration.decisions}")
        return ending(migration)


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """What this process has is what it had before: threads and files, once all is let go of."""
    before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
    yield
    after = (threading.active_count(), len(os.listdir("/proc/self/fd")))
    print(f"threads {before[0]} -> {after[0]}, files {before[1]} -> {after[1]}")


def soak(minutes: float, seed: Seed, record: Path, first: int) -> int:
    """Runs it. Returns the exit code."""
    able()
    libvirt.registerErrorHandler(lambda *_: None, None)
    record.parent.mkdir(parents=True, exist_ok=True)
    if record.exists():
        # The history of the run before, which may have failed.
        record.replace(record.with_suffix(".before.jsonl"))
    print(f"soak: SEED={seed}, {minutes:g} minutes, {seed.hosts} hosts, record {record}", flush=True)
    end = time.monotonic() + minutes * 60
    number = first
    with whole(), Lab(f"soak-{os.getpid()}", hosts=seed.hosts, tls=True) as lab:
        made = Soak(lab, seed, record)
        failed = 0
        while time.monotonic() < end and failed < MOST_FAILURES:
            try:
                made.round(number)
            except Exception as error:
                failed += 1
                print(f"round {number} failed: {type(error).__name__}: {error}")
                print(record.read_text().splitlines()[-1])
                print(f"once more, from there: make soak SEED={seed} FIRST={number}", flush=True)
                made.begin_again(number)
            number += 1
            if number % 25 == 0:
                print(f"{made.migrations} migrations, {made.faults} faults", flush=True)
        print(
            f"{made.migrations} migrations with {made.faults} faults in {number - first} rounds, "
            f"of which {failed} failed"
        )
    return 1 if failed else 0


def main(minutes: str, seed: str, record: str, first: str = "0") -> int:
    """The command."""
    try:
        chosen = Seed.parse(seed) if seed else Seed(secrets.randbelow(1_000_000))
        return soak(float(minutes), chosen, Path(record), int(first))
    except (Unable, LabError, ValueError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
