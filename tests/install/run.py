"""Tries the documented ways to install in clean roots: python -m install.run RECORD [RELEASE …] (in tests/).

`make dist` and `make deb` call it, once dist/ is there. Ends with 0 where every way worked, with 1 where one
did not, and with 2 where a root is not to be had.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from distribution.root import root
from distribution.run import Record
from libvirt_migrate.lab import LabError, bootstrap

from . import index
from .ways import PACKAGED, WAYS

ROOT = Path(__file__).parents[2]
WORK = ROOT / "target" / "install"
RELEASES = ("bookworm", "trixie", "sid")


def attempt(release: str, pages: Path, record: Record) -> None:
    """All ways on a release."""
    start = time.monotonic()
    try:
        bootstrap.get(release)
        with root(release, WORK / f"{release}.log") as here:
            here.install(sorted({package for way in (*WAYS, *PACKAGED) for package in way.packages}))
            folders = {"install": Path(__file__).parent, "index": pages, "scripts": ROOT / "scripts"}
            debs = ROOT / "dist" / "deb"
            code = here.run(
                ["env", "PYTHONPATH=/mnt", "python3", "-B", "-m", "install.inside"],
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
    record = Record(Path(sys.argv[1]))
    pages = index.make(dist, WORK)
    for release in sys.argv[2:] or RELEASES:
        attempt(release, pages, record)
    return 1 if "fail" in record.results else 2 if "not run" in record.results else 0


if __name__ == "__main__":
    sys.exit(main())
