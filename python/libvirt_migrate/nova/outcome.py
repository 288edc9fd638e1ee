"""How a migration ended: from what the call said, and, where that is not enough, from both hosts."""

from __future__ import annotations

import enum
from typing import Any

from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

from libvirt_migrate import MigrationCancelled, MigrationError

from .operation import Operation
from .place import UNKNOWN, Hosts

LOG = logging.getLogger(__name__)


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

    def __init__(self, location: str, cause: BaseException | None) -> None:
        super().__init__(location, cause)
        #: As `MigrationFailed.guest_location`, or why it is not known.
        self.location = location
        self.cause = cause

    def __str__(self) -> str:
        advice = (
            "it stands still until the migration is resumed: libvirt-migrate recover, or "
            "VIR_MIGRATE_POSTCOPY_RESUME"
            if self.location == "post-copy-broken"
            else "look for it on both hosts before anything is deleted there"
        )
        said = "" if self.cause is None else f"; libvirt said: {self.cause}"
        return f"the migration failed and the guest is {self.location}: {advice}{said}"


def decide(
    info: Any, place: str | None, operation: Operation, guest: Any, hosts: Hosts, instance: Any
) -> Outcome:
    """The outcome of a migration that is over.

    `info` is the job information that said so, if any did; `place` is where the guest was found, if it was
    looked for before the call returned. Raises GuestLost where nothing proves on which host the guest is.
    """
    if operation.succeeded:
        return Outcome.COMPLETED
    error = operation.error()
    if error is not None:
        return _after_error(error, operation.aborted, hosts, instance)
    if place is not None:
        return _at(place, operation.aborted, None)
    return _by_statistics(info, guest)


def _after_error(error: BaseException, aborted: bool, hosts: Hosts, instance: Any) -> Outcome:
    location = getattr(error, "guest_location", None)
    if location is None and not hosts.can_be_asked:
        # libvirt was never asked to move the guest.
        return Outcome.FAILED
    # The source's word is enough for the source. For the destination, which runs a guest in post-copy too,
    # both are asked.
    if hosts.can_be_asked and location not in ("source-running", "source-paused", "post-copy-broken"):
        location = hosts.find()
    location = location or UNKNOWN
    if location.startswith("destination-"):
        LOG.warning("The migration call failed but the guest is %s: %s", location, error, instance=instance)
    return _at(location, aborted or isinstance(error, MigrationCancelled), error)


def _at(place: str, cancelled: bool, error: BaseException | None) -> Outcome:
    if place.startswith("destination-"):
        return Outcome.COMPLETED
    if place.startswith("source-"):
        return Outcome.CANCELLED if cancelled else Outcome.FAILED
    raise GuestLost(place, error)


def _by_statistics(info: Any, guest: Any) -> Outcome:
    """Where nobody knows what the call said: Nova's way."""
    libvirt = nova_guest.libvirt
    outcomes = {
        libvirt.VIR_DOMAIN_JOB_COMPLETED: Outcome.COMPLETED,
        libvirt.VIR_DOMAIN_JOB_FAILED: Outcome.FAILED,
        libvirt.VIR_DOMAIN_JOB_CANCELLED: Outcome.CANCELLED,
    }
    if info is not None and info.type in outcomes:
        return outcomes[info.type]
    # libvirt knows nothing of the job any more. A guest that is still active here has not moved.
    try:
        return Outcome.FAILED if guest.is_active() else Outcome.COMPLETED
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return Outcome.COMPLETED
        raise GuestLost(UNKNOWN, error) from error
