"""Runs the matrix of releases: python -m releases.run RECORD [RELEASE …] (in tests/). `make matrix` calls it.

Ends with 0 where every cell passed, with 1 where one failed, and with 2 where one was not run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from libvirt_migrate.lab import LabError, bootstrap, releases

from . import wheel
from .cells import FAIL, NOT_RUN, PASS, Row, cells_of, pairs, run_pair
from .upgrade import run_upgrade
from .ways import command_on

#: The cells of a release's wheel.
WHEEL = ("wheel", "tests")


class Record:
    """What was seen: a line of JSON each in a file, and one on the terminal."""

    def __init__(self, path: Path, total: int) -> None:
        self._path, self._total = path, total
        self._start = time.monotonic()
        self.rows: list[Row] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def tell(self, row: Row) -> None:
        """Notes a row."""
        self.rows.append(row)
        with self._path.open("a") as file:
            file.write(json.dumps(row.to_dict()) + "\n")
        other = "itself" if row.source == row.destination else row.destination
        where = row.source if row.kind in ("release", "wheel") else f"{row.source} to {other}"
        head = f"[{len(self.rows):3}/{self._total}]  {where:<18}  {row.name:<28}  {row.result:<7}"
        more = f"  {row.text}" if row.result != PASS else ""
        print(f"{head}  {row.seconds:5.1f} s{more}", flush=True)

    def close(self) -> int:
        """Says how it went, and returns the exit code."""
        count = {result: sum(row.result == result for row in self.rows) for result in (PASS, FAIL, NOT_RUN)}
        minutes = (time.monotonic() - self._start) / 60
        print(f"{', '.join(f'{n} {result}' for result, n in count.items())} in {minutes:.1f} minutes")
        return 1 if count[FAIL] else 2 if count[NOT_RUN] or not count[PASS] else 0


def total(names: tuple[str, ...]) -> int:
    """How many rows a run has."""
    cells = sum(len(cells_of(pair, _no_command)) for pair in pairs(names))
    return len(names) * (1 + len(WHEEL)) + cells + (len(names) > 1)


def get(record: Record, names: tuple[str, ...]) -> None:
    """Gets the releases, or says why one cannot be had."""
    for name in names:
        start = time.monotonic()
        try:
            result, text = PASS, str(bootstrap.get(name))
        except LabError as error:
            result, text = NOT_RUN, str(error)
        record.tell(Row("release", name, name, "release", result, text, round(time.monotonic() - start, 1)))


def attempt(record: Record, name: str, what: str, run: Callable[[], str]) -> bool:
    """One cell of a release's wheel."""
    start = time.monotonic()
    if releases.find(name) is None:
        result, text = NOT_RUN, f"{name} is not on this machine"
    else:
        try:
            result, text = PASS, run()
        except (wheel.Failed, LabError, OSError) as error:
            result, text = FAIL, str(error)
    record.tell(Row("wheel", name, name, what, result, text, round(time.monotonic() - start, 1)))
    return result == PASS


def try_wheels(record: Record, names: tuple[str, ...], scratch: Path) -> set[str]:
    """Builds the wheel and tries it with each release's Python; returns those that it is installed for."""
    built: Path | None = None
    why = ""
    try:
        if releases.find(releases.KNOWN[0]) is not None:
            print(f"building the wheel on {releases.KNOWN[0]}", flush=True)
            built = wheel.build()
        else:
            why = f"there is no wheel: {releases.KNOWN[0]} is not on this machine"
    except wheel.Failed as error:
        why = str(error)
    usable = set()
    for name in names:
        if built is None:
            for what in WHEEL:
                record.tell(Row("wheel", name, name, what, NOT_RUN, why))
            continue
        path = built
        if attempt(record, name, "wheel", lambda path=path, name=name: wheel.install(path, scratch, name)):  # type: ignore[misc]
            usable.add(name)
        attempt(record, name, "tests", lambda name=name: wheel.run_tests(scratch, name))  # type: ignore[misc]
    return usable


def run(record: Record, names: tuple[str, ...], scratch: Path) -> None:
    """All of it."""
    get(record, names)
    usable = try_wheels(record, names, scratch)
    for pair in pairs(names):
        command = command_on(wheel.venv(scratch, pair[0])) if pair[0] in usable else _no_command
        run_pair(f"matrix-{os.getpid()}", pair, cells_of(pair, command), record.tell)
    if len(names) > 1:
        run_upgrade(f"matrix-{os.getpid()}", names, record.tell)


def _no_command(*_: object) -> str:
    raise AssertionError("the wheel is not installed there")


def main(path: str, *names: str) -> int:
    """Runs it."""
    # Ended in order, with nothing left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = names or releases.KNOWN
    record = Record(Path(path), total(wanted))
    scratch = Path(tempfile.mkdtemp(prefix="libvirt-migrate-matrix-", dir="/tmp"))
    try:
        run(record, wanted, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return record.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
