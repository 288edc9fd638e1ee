"""How a migration ended: from what the call said, and, where that is not enough, from both hosts."""

from __future__ import annotations

import enum
from typing import Any

from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

import libvirt_migrate
from libvirt_migrate import LibvirtError, MigrationCancelled, MigrationError

from .threads import run_blocking

LOG = logging.getLogger(__name__)

#: `VIR_ERR_NO_DOMAIN`.
_NO_DOMAIN = 42


class Outcome(enum.Enum):
    """What Nova is to do."""

    #: The guest is at the destination.
    COMPLETED = "completed"
    #: The guest is at the source, or never left it.
    FAILED = "failed"
    #: The same, on request.
    CANCELLED = "cancelled"


class GuestLost(MigrationError):
    """Nobody can say where the guest is, or it is on both hosts: neither host may be cleaned up."""

    def __init__(self, location: str, cause: BaseException) -> None:
        super().__init__(location, cause)
        #: As `MigrationFailed.guest_location`.
        self.location = location
        self.cause = cause

    def __str__(self) -> str:
        advice = (
            "it stands still until the migration is resumed (VIR_MIGRATE_POSTCOPY_RESUME)"
            if self.location == "post-copy-broken"
            else "look for it on both hosts"
        )
        return f"the migration failed and the guest is {self.location}: {advice}; libvirt said: {self.cause}"


def decide(info: Any, error: BaseException | None, guest: Any, instance: Any) -> Outcome:
    """The outcome of a migration whose call is over.

    `info` is the last job information, `error` what the call raised. Raises GuestLost.
    """
    libvirt = nova_guest.libvirt
    if error is not None:
        return _after_error(error, guest)
    if info is not None and info.type == libvirt.VIR_DOMAIN_JOB_CANCELLED:
        return Outcome.CANCELLED
    if info is not None and info.type == libvirt.VIR_DOMAIN_JOB_FAILED:
        return Outcome.FAILED
    if info is not None and info.type == libvirt.VIR_DOMAIN_JOB_COMPLETED:
        return Outcome.COMPLETED
    # libvirt knows nothing of the job any more. Nova's way: a guest that is still here has not moved.
    kind = nova_migration.find_job_type(guest, instance)
    return Outcome.COMPLETED if kind == libvirt.VIR_DOMAIN_JOB_COMPLETED else Outcome.FAILED


def _after_error(error: BaseException, guest: Any) -> Outcome:
    location = getattr(error, "guest_location", None)
    if location is None:
        # Refused before anything was started.
        return Outcome.FAILED
    if location == "unknown":
        location = _ask(guest)
    if location.startswith("destination-"):
        LOG.warning("The migration call failed but the guest is %s: %s", location, error)
        return Outcome.COMPLETED
    if location.startswith("source-"):
        return Outcome.CANCELLED if isinstance(error, MigrationCancelled) else Outcome.FAILED
    raise GuestLost(location, error)


def _ask(guest: Any) -> str:
    """Where the guest is, by asking the destination; the call could not do that for a proxied domain."""
    destination = getattr(guest, "migration_destination", None)
    if not isinstance(destination, str):
        return "unknown"
    try:
        here = guest.is_active()
    except nova_guest.libvirt.libvirtError as error:
        if error.get_error_code() != nova_guest.libvirt.VIR_ERR_NO_DOMAIN:
            return "unknown"
        here = False
    try:
        there = run_blocking(_state_at, guest.uuid, destination)
    except MigrationError as error:
        LOG.warning("The destination cannot be asked for the guest: %s", error)
        return "unknown"
    if here:
        return "unknown" if there else "source-running"
    # Neither here nor there: it was shut off on its host while it moved.
    return f"destination-{there}" if there in ("running", "paused") else "source-shut-off"


def _state_at(uuid: str, uri: str) -> str | None:
    """What the guest does at the host of `uri`; `None` where it is not there."""
    try:
        return libvirt_migrate.Guest.open(uuid, uri).state.name
    except LibvirtError as error:
        if error.code == _NO_DOMAIN:
            return None
        raise
