"""Other Debian releases on this machine: a folder each, with libvirt and QEMU in it, that hosts are made of.

They are kept between runs below ROOTS. `bootstrap` makes them.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import LabError

#: The releases that the matrix is of, from the oldest to the newest.
KNOWN = ("bookworm", "trixie", "sid")

#: What a host needs, and Python with its binding of libvirt to try a wheel with. No service is started.
PACKAGES = (
    *("libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients", "qemu-system-x86", "qemu-utils"),
    *("python3", "python3-venv", "python3-libvirt", "iproute2", "nftables", "ca-certificates"),
)

#: What the wheel is built with, on the oldest of them.
BUILD_PACKAGES = ("gcc", "libc6-dev", "libvirt-dev", "pkg-config")

_STAMP = "etc/libvirt-migrate-release.json"


@dataclass(frozen=True)
class Release:
    """A release that is here, and what it has."""

    name: str
    #: When it was made, in seconds since 1970.
    made: float
    libvirt: str
    qemu: str
    python: str
    #: The packages that were asked for: with others it is not what this version needs.
    packages: tuple[str, ...]

    def __str__(self) -> str:
        return f"libvirt {self.libvirt}, QEMU {self.qemu}, Python {self.python}"


def roots() -> Path:
    """The folder of all of them: LIBVIRT_MIGRATE_RELEASES, or one below /var/cache."""
    named = os.environ.get("LIBVIRT_MIGRATE_RELEASES") or "/var/cache/libvirt-migrate/releases"
    # Mounted from another folder.
    return Path(named).absolute()


def folder(name: str) -> Path:
    """Where a release is, or would be."""
    if not re.fullmatch(r"[a-z]{2,24}", name):
        raise LabError(f"{name!r} is no Debian release: bookworm, trixie or sid, for instance")
    return roots() / name


def packages(name: str) -> tuple[str, ...]:
    """The packages that a release is made with."""
    return PACKAGES + (BUILD_PACKAGES if name == KNOWN[0] else ())


def find(name: str) -> Release | None:
    """A release that is here as a whole, or nothing."""
    try:
        fields = json.loads((folder(name) / _STAMP).read_text())
        release = Release(**fields | {"packages": tuple(fields["packages"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return release if release.packages == packages(name) else None


def require(name: str) -> Path:
    """The folder of a release that is here; LabError says how to get it where it is not."""
    path = folder(name)
    if find(name) is None:
        raise LabError(f"{name} is not on this machine: python -m libvirt_migrate.lab release {name} gets it")
    return path


def mark(path: Path, release: Release) -> None:
    """Marks a folder as a whole release: the last thing that is done to it."""
    (path / _STAMP).write_text(json.dumps(asdict(release)))
