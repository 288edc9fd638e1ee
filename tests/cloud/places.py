"""Where the parts of a cloud are on this machine, where scripts/cloud-deps puts them, and in its hosts."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libvirt_migrate.lab import LabError

ROOT = Path(__file__).parents[2]
CLOUD = ROOT / ".cloud"
#: keystone, glance, placement and clients.
VENV = CLOUD / "venv"
#: Debian's packages, unpacked.
PACKAGES = CLOUD / "root"

#: What is the control host's own, below a file system in memory that goes with its namespaces.
DATA = Path("/var/lib/cloud")
#: Nova's state in each host.
STATE = Path("/var/lib/nova")
INSTANCES = STATE / "instances"

#: Folders that a host has its own of: what this machine has in them cannot be seen there.
_HIDDEN = ("/run", "/var/lib", "/var/cache", "/var/log")


def nova(release: str) -> Path:
    """The virtual environment of a release of Nova, with this package in it."""
    return ROOT / ".nova" / release


def folder(name: str) -> Path:
    """Settings, logs and numbers of processes of the cloud of this name; logs stay when it has ended."""
    return CLOUD / "clouds" / name


def template(release: str) -> Path:
    """What a cloud of this release begins with: databases, keys and images."""
    return CLOUD / "templates" / release


@contextmanager
def holding_template(release: str) -> Iterator[None]:
    """Held while a template is read or made: clouds may be started at once."""
    path = template(release).parent / f"{release}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check(release: str) -> None:
    """Says what is missing, before anything is made."""
    if not re.fullmatch(r"/[\w./-]+", str(ROOT)) or str(ROOT).startswith(_HIDDEN):
        raise LabError(f"a cloud's hosts cannot see {ROOT}: have the repository elsewhere")
    needed = (PACKAGES / "unpacked", VENV / "requirements.txt", nova(release) / "requirements.txt")
    missing = [str(path.parent.relative_to(ROOT)) for path in needed if not path.exists()]
    if missing:
        raise LabError(f"{', '.join(missing)} is missing: scripts/cloud-deps {release} gets it")
