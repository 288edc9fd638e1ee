"""Tries the documented ways to install in clean roots: python -m install.run RECORD [RELEASE …] (in tests/).

With `--way NAME` only that one, in place of all.

`make dist` and `make deb` call it, once dist/ is there. Ends with 0 where every way worked, with 1 where one
did not, and with 2 where a root is not to be had.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from distribution.root import root
from distribution.run import Record
from libvirt_migrate.lab import LabError, bootstrap

from . import index
from .ways import PACKAGED, WAYS, Way

ROOT = Path(__file__).parents[2]
WORK = ROOT / "target" / "install"
RELEASES = ("bookworm", "trixie", "sid")


def attempt(release: str, pages: Path, record: Record, ways: list[Way]) -> None:
    """These ways on a release."""
    start = time.monotonic()
    try:
        bootstrap.get(release)
        with root(release, WORK / f"{release}.log") as here:
            here.install(sorted({package for way in ways for package in way.packages}))
            folders = {"install": Path(__file__).parent, "index": pages, "scripts": ROOT / "scripts"}
            debs = ROOT / "dist" / "deb"
            code = here.run(
                [
                    "env",
                    "PYTHONPATH=/mnt",
                    "python3",
                    "-B",
                    "-m",
                    "install.inside",
                    *(way.name for way in ways),
                ],
                folders=folders | ({"deb": debs} if debs.is_dir() else {}),
                hear=lambda line: record.tell(release, json.loads(line)) if line.startswith("{") else None,
            )
            if code not in (0, 1):
                raise RuntimeError(f"it ended with {code} ({WORK / f'{release}.log'} has all of it)")
    except (LabError, RuntimeError) as error:
        row = {"name": "a root", "result": "not run", "text": str(error)}
        record.tell(release, row | {"seconds": round(time.monotonic() - start, 1)})


def main() -> int:
    """Runs them with each release."""
    dist = ROOT / "dist"
    if not list(dist.glob("*.whl")):
        print("there is nothing in dist/: scripts/dist builds it", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser()
    parser.add_argument("record", type=Path)
    parser.add_argument("releases", nargs="*", default=RELEASES)
    known = {way.name: way for way in (*WAYS, *PACKAGED)}
    parser.add_argument("--way", action="append", choices=known)
    options = parser.parse_args()
    # Ended in order, with nothing left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ways = [known[name] for name in options.way or known]
    if not (dist / "deb").is_dir():
        ways = [way for way in ways if way not in PACKAGED]
    if not ways:
        print("there is nothing in dist/deb: scripts/deb builds it", file=sys.stderr)
        return 1
    record = Record(options.record)
    pages = index.make(dist, WORK)
    for release in options.releases:
        attempt(release, pages, record, ways)
    return 1 if "fail" in record.results else 2 if "not run" in record.results else 0


if __name__ == "__main__":
    sys.exit(main())
