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

from libvirt_migrate import LibvirtError
from libvirt_migrate.lab import Host, Lab, LabError, Workload, faults

from .history import Round, Seed, drawn
from .judge import Broken, Checked, check
from .moves import ending, see_through, start, steer
from .troubles import Troubles

GUESTS = 3
MEMORY = 48
#: How long a migration may take with its faults, s.
LONGEST = 240.0
#: What is needed besides, MiB: memory for the guests at both hosts, and room for their files.
ROOM = {"memory": 1024, "disk": 512}


class Unable(Exception):
    """The soak cannot run here; what to do is said."""


def able() -> None:
    """Refuses a machine without root, room or packages, before anything is started."""
    if os.geteuid() != 0:
        raise Unable("the lab makes network namespaces, which takes root: run it as root")
    if missing := [tool for tool in ("libvirtd", "qemu-system-x86_64", "nft", "ss", "tc") if not find(tool)]:
        raise Unable(f"not installed: {', '.join(missing)}; scripts/deps installs what the lab needs")
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    memory = int(lines["MemAvailable"].split()[0]) >> 10
    disk = shutil.disk_usage(tempfile.gettempdir()).free >> 20
    for what, has in (("memory", memory), ("disk", disk)):
        if has < ROOM[what]:
            raise Unable(f"{has} MiB of {what} are free, and {ROOM[what]} MiB are needed")


def find(tool: str) -> str | None:
    """Where a program is; some are not on a user's path."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Soak:
    """The rounds of one seed, one after the other, in one lab."""

    def __init__(self, lab: Lab, seed: Seed, record: Path) -> None:
        self.lab, self.seed, self._record = lab, seed, record
        work = Workload(working_set=12, rest=5)
        self.guests = [
            lab.start_guest(f"soak{n}", memory=MEMORY, workload=work, wait=False) for n in range(GUESTS)
        ]
        for guest in self.guests:
            guest.beats.wait_for_passes(timeout=120)
        self.at: dict[str, Host] = {guest.uuid: lab.hosts[0] for guest in self.guests}
        self.migrations = self.faults = 0

    def round(self, number: int) -> None:
        """One round, and all that must hold after it."""
        planned = drawn(self.seed, number, GUESTS)
        first = self.guests[planned.moves[0].guest]
        source = self.at[first.uuid]
        destination = next(host for host in self.lab.hosts if host is not source)
        moves = [move for move in planned.moves if self.at[self.guests[move.guest].uuid] is source]
        row: dict[str, Any] = {**planned.to_dict(), "source": source.name, "ends": [], "happened": []}
        try:
            self._run(planned, moves, source, destination, row)
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            with self._record.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def _run(
        self, planned: Round, moves: list[Any], source: Host, destination: Host, row: dict[str, Any]
    ) -> None:
        began = time.time()
        names = [self.guests[move.guest].name for move in moves]
        troubles = Troubles(source, destination, names)
        troubles.begin(planned.faults)
        running: list[Any] = []
        try:
            for move in moves:
                guest = self.guests[move.guest]
                try:
                    running.append((move, guest, start(guest, move.way, source, destination)))
                except (LibvirtError, libvirt.libvirtError) as error:
                    running.append((move, guest, str(error)))
            time.sleep(0.5)
            for move, _, migration in running:
                if not isinstance(migration, str):
                    steer(migration, move.way)
            ended = [self._ended(migration, move.way) for move, _, migration in running]
        finally:
            troubles.over()
            row["happened"] = troubles.happened
            self._heal()
        self.migrations += len(moves)
        self.faults += len(troubles.happened)
        mortal = any(fault.what == "QEMU killed" for fault in planned.faults)
        for (move, guest, _), (place, text) in zip(running, ended, strict=True):
            row["ends"].append([guest.name, move.way, place, text])
            each = Checked(guest, move.way, source, destination, place, text, mortal, began)
            self.at[guest.uuid] = check(self.lab, each)
            row["ends"][-1].append(each.done)

    @staticmethod
    def _ended(migration: Any, way: str) -> tuple[str, str]:
        if isinstance(migration, str):
            return "refused", migration
        if not see_through(migration, way, LONGEST):
            raise Broken(f"no end after {LONGEST:.0f} s: {migration!r}, {migration.decisions}")
        return ending(migration)

    def _heal(self) -> None:
        """Both hosts are whole again, whatever two faults have made of each other."""
        for host in self.lab.hosts:
            with contextlib.suppress(LabError):
                faults.heal(host)
            with contextlib.suppress(LabError, OSError):
                host.run("kill", "-CONT", faults.daemon_number(host))
            with contextlib.suppress(LabError):
                host.start_daemon()


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
    print(f"soak: SEED={seed}, {minutes:g} minutes, record {record}", flush=True)
    end = time.monotonic() + minutes * 60
    number = first
    with whole(), Lab(f"soak-{os.getpid()}") as lab:
        made = Soak(lab, seed, record)
        try:
            while time.monotonic() < end:
                made.round(number)
                number += 1
        except Exception as error:
            print(f"round {number} failed: {type(error).__name__}: {error}")
            print(record.read_text().splitlines()[-1])
            print(f"once more, from there: make soak SEED={seed} FIRST={number}")
            return 1
        finally:
            print(f"{made.migrations} migrations with {made.faults} faults in {number - first} rounds")
    return 0


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
