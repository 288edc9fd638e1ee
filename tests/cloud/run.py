"""Runs scenarios in a cloud: python -m cloud.run RECORD [--all] [--only NAME] (in tests/).

`make cloud` and `make cloud-all` call it. The cloud ends with this process, however that comes about.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import steering
from .cloud import RELEASE, Cloud, say_on_terminal
from .stage import Record, Side, Stage, Unfinished
from .table import ALL, SHORT, Scenario

#: The oldest release that the drop-in is for.
OLDEST = "27.5.1"
SIDES = (
    Side(RELEASE),
    Side(RELEASE, stock=True),
    Side(OLDEST, eventlet=True),
    Side(OLDEST, stock=True, eventlet=True),
)


def play(side: Side, scenarios: dict[str, Scenario], record: Record, name: str) -> None:
    """Scenarios one after the other in a cloud of their own."""
    print(f"==> {side}", flush=True)
    cloud = Cloud(name, release=side.release, say=say_on_terminal)
    try:
        cloud.up(driver=side.driver, options=steering.SLOW, eventlet=side.eventlet)
        for scenario, run in scenarios.items():
            stage = Stage(cloud, side, scenario, record)
            try:
                run(stage)
                stage.clear()
            except Exception as error:
                if not isinstance(error, Unfinished):
                    stage.fail(error)
                # What is left of it must not be in the next one's way.
                cloud.down()
                cloud = Cloud(name, release=side.release, say=say_on_terminal)
                cloud.up(driver=side.driver, options=steering.SLOW, eventlet=side.eventlet)
    finally:
        cloud.down()


def main() -> int:
    """All of it; ends with 1 where a step with the drop-in was not right."""
    parser = argparse.ArgumentParser(prog="python -m cloud.run")
    parser.add_argument("record", type=Path)
    parser.add_argument("--all", action="store_true", help="every scenario, beside stock Nova too")
    parser.add_argument("--only", action="append", choices=list(ALL), help="this scenario")
    parser.add_argument("--side", type=int, choices=range(len(SIDES)), help="this side")
    parser.add_argument("--name", default="cloud-run", help="the cloud's name (cloud-run)")
    options = parser.parse_args()
    options.record.parent.mkdir(parents=True, exist_ok=True)
    options.record.write_text("")
    record = Record(options.record)
    scenarios = ALL if options.all else SHORT
    if options.only:
        scenarios = {name: ALL[name] for name in options.only}
    sides = SIDES if options.all else SIDES[:1]
    start = time.monotonic()
    for side in sides if options.side is None else [SIDES[options.side]]:
        play(side, scenarios, record, options.name)
    if record.stock:
        print(f"{record.stock} steps were not right with Nova's own driver")
    print(f"in {time.monotonic() - start:.0f} s:")
    print(f"{record.passed} passed, {record.failed} failed")
    return 1 if record.failed else 0


if __name__ == "__main__":
    sys.exit(main())
