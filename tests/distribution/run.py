"""Tries the drop-in with Debian's own Nova: python -m distribution.run RECORD [RELEASE …] (in tests/).

`make debian-nova` calls it; with the packages of `make deb` too, where they are there. Ends with 0 where
every step passed, with 1 where one failed, and with 2 where
one was not run.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from libvirt_migrate.lab import LabError, bootstrap

from .root import Root, root

ROOT = Path(__file__).parents[2]
WORK = ROOT / "target" / "debian-nova"
#: The releases whose packages are tried, newest first.
RELEASES = ("trixie", "bookworm")
#: Nova and what it needs to be up, and what the documents install the wheel with.
PACKAGES = ("nova-compute-kvm", "nova-conductor", "rabbitmq-server", "python3-pip", "python3-venv")


class Record:
    """What was seen: a line of JSON each in a file, and one on the terminal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def tell(self, release: str, row: dict[str, Any]) -> None:
        """Notes a row."""
        self.results.append(row["result"])
        with self._path.open("a") as file:
            file.write(json.dumps({"release": release, **row}) + "\n")
        print(
            f"{release:<9} {row['name']:<28} {row['result']:<7} {row['seconds']:6.1f} s  {row['text']}",
            flush=True,
        )


def build() -> Path:
    """The folder with both wheels, as they are made on this machine."""
    out = WORK / "wheel"
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    maturin = [str(Path(sys.prefix) / "bin" / "maturin"), "build", "--quiet", "--profile", "dev"]
    subprocess.run([*maturin, "--interpreter", sys.executable, "--out", str(out)], cwd=ROOT, check=True)
    subprocess.run([str(ROOT / "scripts" / "nova-wheel"), str(out)], cwd=ROOT, check=True)
    return out


def attempt(release: str, wheels: Path, record: Record) -> None:
    """All steps of a release."""
    start = time.monotonic()
    try:
        bootstrap.get(release)
        with root(release, WORK / f"{release}.log") as here:
            here.install(PACKAGES)
            _steps(here, release, wheels, record)
    except (LabError, RuntimeError) as error:
        seconds = round(time.monotonic() - start, 1)
        record.tell(
            release, {"name": "packages", "result": "not run", "text": str(error), "seconds": seconds}
        )


def _steps(here: Root, release: str, wheels: Path, record: Record) -> None:
    def hear(line: str) -> None:
        if line.startswith("{"):
            record.tell(release, json.loads(line))

    folders = {"distribution": Path(__file__).parent, "wheels": wheels}
    words = ["env", "PYTHONPATH=/mnt", "python3", "-B", "-m", "distribution.inside", "/mnt/wheels"]
    debs = ROOT / "dist" / "deb"
    if debs.is_dir():
        folders["debs"] = debs
        words.append("/mnt/debs")
    code = here.run(words, folders=folders, hear=hear)
    if code not in (0, 1):
        raise RuntimeError(f"the steps ended with {code} ({WORK / f'{release}.log'} has all of it)")


def main() -> int:
    """Runs the steps with each release."""
    # Ended in order, with nothing left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    record = Record(Path(sys.argv[1]))
    wheels = build()
    for release in sys.argv[2:] or RELEASES:
        attempt(release, wheels, record)
    return 1 if "fail" in record.results else 2 if "not run" in record.results else 0


if __name__ == "__main__":
    sys.exit(main())
