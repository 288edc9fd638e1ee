"""Runs scenarios in a cloud: python -m cloud.run RECORD [--all] [--only NAME] (in tests/).

`make cloud` and `make cloud-all` call it. The cloud ends with this process, however that comes about.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from libvirt_migrate.lab import LabError, state

from . import logs, places
from .cloud import RELEASE, Cloud, say_on_terminal
from .settings import Sections
from .stage import Record, Side, Stage, Unfinished
from .table import ALL, BESIDE, SEAMS, SHORT, Scenario

#: One of those whose start-up has no hook for drivers, and an old one, with eventlet only.
NO_HOOK, OLD = "31.3.1", "27.5.1"
#: What `make cloud-all` plays at each side; the first one is that of `make cloud`.
PLAN: dict[Side, dict[str, Scenario]] = {
    Side(RELEASE): ALL,
    Side(RELEASE, stock=True): BESIDE,
    Side(RELEASE, eventlet=True): SEAMS,
    Side(NO_HOOK, eventlet=True): SEAMS,
    Side(OLD, eventlet=True): SHORT,
    Side(OLD, stock=True, eventlet=True): SHORT,
}
SIDES = tuple(PLAN)


class OutOfTime(BaseException):
    """The whole run takes longer than it may; nothing but its end sees to that."""


def _limit(seconds: int) -> None:
    """Has the run end after so many seconds, with what it has made."""

    def end(*_: object) -> None:
        raise OutOfTime(f"not over after {seconds} s")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)


def play(side: Side, scenarios: dict[str, Scenario], record: Record, name: str) -> None:
    """Scenarios one after the other in one cloud, and in a new one after each that came to no end."""
    print(f"==> {side}", flush=True)
    cloud: Cloud | None = None
    options: Sections = {}
    try:
        for word, scenario in scenarios.items():
            if cloud is None:
                cloud = Cloud(name, release=side.release, say=say_on_terminal)
                options = scenario.options
                cloud.up(driver=side.driver, options=options, eventlet=side.eventlet)
            stage = Stage(cloud, side, word, record)
            changed, options = options != scenario.options, scenario.options
            if not _ends(stage, scenario, anew=changed):
                _tell_faults(places.folder(name))
                # What is left of it must not be in the next one's way.
                cloud.down()
                cloud = None
    finally:
        if cloud is not None:
            cloud.down()


def _ends(stage: Stage, scenario: Scenario, *, anew: bool) -> bool:
    """Plays one, and says whether it came to its end; `anew` is whether nova-compute has other settings."""
    try:
        if anew:
            stage.restart_computes(scenario.options)
        scenario.play(stage)
        stage.clear()
    except Unfinished:
        return False
    except Exception as error:
        stage.fail(error)
        return False
    return True


def _tell_faults(folder: Path) -> None:
    """What the logs say, before the next cloud's take their place."""
    for line in logs.faults(folder):
        print(f"    {line}", flush=True)


def _sweep() -> None:
    """Removes logs of earlier runs, and what one that was killed has left on disk."""
    for folder in places.folder("any").parent.glob("run-*"):
        lab = state.read(folder.name)
        if lab is None or not lab.is_alive():
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """All of it; ends with 1 where a step with the drop-in was not right."""
    parser = argparse.ArgumentParser(prog="python -m cloud.run")
    parser.add_argument("record", type=Path)
    parser.add_argument("--all", action="store_true", help="every scenario, beside stock Nova too")
    parser.add_argument("--only", action="append", choices=list(ALL), help="this scenario")
    parser.add_argument("--side", type=int, choices=range(len(SIDES)), help="this side")
    parser.add_argument("--limit", type=int, default=0, metavar="S", help="seconds that all of it may take")
    options = parser.parse_args()
    options.record.parent.mkdir(parents=True, exist_ok=True)
    options.record.write_text("")
    record = Record(options.record)
    # Runs may go on at once, here and in other checkouts: each has names and addresses of its own.
    name = f"run-{os.getpid()}"
    _sweep()
    _limit(options.limit)
    sides = SIDES if options.all else SIDES[:1]
    start, missing = time.monotonic(), 0
    for side in sides if options.side is None else [SIDES[options.side]]:
        scenarios = PLAN[side] if options.all else SHORT
        if options.only:
            scenarios = {name: ALL[name] for name in options.only}
        try:
            play(side, scenarios, record, name)
        except (LabError, OutOfTime) as error:
            # There was no cloud to play in, or no time.
            missing += 1
            print(f"error: {error}", flush=True)
            if isinstance(error, OutOfTime):
                break
    if record.stock:
        print(f"{record.stock} steps were not right with Nova's own driver")
    print(f"in {time.monotonic() - start:.0f} s:")
    print(f"{record.passed} passed, {record.failed} failed")
    if record.failed or missing:
        _tell_faults(places.folder(name))
        print(f"logs are in {places.folder(name)} until the next run")
    else:
        shutil.rmtree(places.folder(name), ignore_errors=True)
    return 1 if record.failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
