"""What the runs of Nova's own tests found: a file for each release, mode and scope, so that a run can go on
where another was ended.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "target" / "nova-conformance"
#: What an outcome depends on, beside Nova.
SOURCES = (
    "src",
    "python",
    "packaging/nova",
    "tests/nova/nova_tests/conformance",
    "scripts/nova-venv",
    "scripts/nova-wheel",
    "requirements",
    "Cargo.lock",
)

Record = dict[str, Any]


def sources() -> str:
    """A hash of this package's sources, and of what runs Nova's tests."""
    digest = hashlib.sha256()
    for name in SOURCES:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            # The native module is built from what is hashed already; the table decides no outcome.
            if (
                file.suffix in (".so", ".pyc", ".pyi")
                or file.name in ("table.py", "records.py")
                or file.is_dir()
            ):
                continue
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def state() -> str:
    """The commit that is run, and whether files differ from it."""
    command = ("git", "describe", "--always", "--abbrev=8", "--match=", "--dirty=, changed")
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "no commit"


def keep(record: Record) -> None:
    """Keeps what a run found, in the place of what the same one found before."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{record['release']}-{record['mode']}-{record['scope']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


def find(release: str, mode: str, scope: str) -> Record | None:
    """What is kept of one."""
    path = FOLDER / f"{release}-{mode}-{scope}.json"
    return json.loads(path.read_text()) if path.exists() else None


def is_done(record: Record | None, of: str) -> bool:
    """Whether a run with the sources `of` need not be made again: nothing was wrong in it."""
    return record is not None and record["sources"] == of and not record["problems"]


def best(of: str) -> list[Record]:
    """One for each release and mode, newest release first: of the sources `of` rather than others, and whole
    rather than quick.
    """
    chosen: dict[tuple[str, str], Record] = {}
    records = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    for record in sorted(records, key=lambda one: (one["sources"] == of, one["scope"] == "whole")):
        chosen[record["release"], record["mode"]] = record
    return sorted(chosen.values(), key=_newest_first)


def _newest_first(record: Record) -> tuple[list[int], str]:
    return [-int(number) for number in re.findall(r"\d+", record["release"])], record["mode"]
