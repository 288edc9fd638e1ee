"""One guest's migration in each of the ways, as a user of the library would make it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from helpers.lab_moves import DEFAULT, params_for
from libvirt_migrate import (
    Convergence,
    Guest,
    LibvirtError,
    MigrateFlags,
    Migration,
    MigrationCancelled,
    MigrationFailed,
)
from libvirt_migrate.lab import Host, LabGuest

NEVER = Convergence(max_downtime=0.001)
#: MiB/s: a guest's memory takes seconds then.
SLOW = 16
#: How long a user waits before the limit is lifted, s.
PATIENT = 20.0


def start(guest: LabGuest, way: str, source: Host, destination: Host, *, copies: bool) -> Migration:
    """Starts it; one that `copies` brings its disk. Raises LibvirtError where it is refused."""
    domain = guest.domain(source)
    if way == "paused":
        domain.suspend()
    flags = DEFAULT
    if copies:
        flags |= MigrateFlags.NON_SHARED_DISK
    how: dict[str, Any] = {}
    convergence = Convergence()
    if way == "parallel":
        how["parallel_connections"] = 2
        flags |= MigrateFlags.PARALLEL
    elif way == "post-copy":
        flags |= MigrateFlags.POSTCOPY
        how |= {"bandwidth": SLOW, "bandwidth_postcopy": SLOW}
    elif way == "tls":
        flags |= MigrateFlags.TLS
    elif way == "exclusive":
        convergence = Convergence(exclusive=True)
    elif way in ("force", "abort"):
        how["bandwidth"] = SLOW
        convergence = NEVER
    params = params_for(guest, (source, destination), flags=flags, **how)
    ours = Guest.open(guest.uuid, source.uri)
    migration = ours.start_migration(params, convergence=convergence)
    if way == "adopt":
        with contextlib.suppress(LibvirtError):
            time.sleep(0.2)
            other = Guest.open(guest.uuid, source.uri)
            return other.adopt_migration(destination=destination.uri, convergence=convergence)
    return migration


def steer(migration: Migration, way: str) -> None:
    """What its user does while it runs. What is refused then is refused."""
    wishes: dict[str, Callable[[], None]] = {
        "post-copy": migration.force_complete,
        "force": migration.force_complete,
        "abort": migration.abort,
    }
    if wish := wishes.get(way):
        with contextlib.suppress(LibvirtError):
            wish()


def see_through(migration: Migration, way: str, longest: float) -> bool:
    """Waits for the end as a user, who asks again for what was refused and lifts the limit at last."""
    began = time.monotonic()
    while not migration.wait(2):
        waited = time.monotonic() - began
        if waited > longest:
            return False
        steer(migration, way)
        if waited > PATIENT:
            with contextlib.suppress(LibvirtError):
                migration.set_bandwidth(0)
                migration.set_max_downtime(5)
    return True


def ending(migration: Migration) -> tuple[str, str]:
    """Where the guest is by our word, and what was said."""
    try:
        return migration.result(0).guest_location, "done"
    except (MigrationFailed, MigrationCancelled) as error:
        return error.guest_location or "unknown", str(error).splitlines()[0]
    except LibvirtError as error:
        return "unknown", str(error).splitlines()[0]
