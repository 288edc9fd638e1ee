"""How a migration ended: from what the call said, and, where that is not enough, from both hosts."""

from __future__ import annotations

import enum
from typing import Any

from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

from libvirt_migrate import MigrationError

from .place import UNKNOWN

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


#: What the engine's words mean.
_ENDS = {"completed": Outcome.COMPLETED, "failed": Outcome.FAILED, "cancelled": Outcome.CANCELLED}


def after_call(end: tuple[str, str] | None, place: str | None, error: BaseException | None) -> Outcome:
    """What Nova is to do after this end of the engine's; `place` is where the guest was found last, in the
    words of `Hosts.look`, and `error` what the call raised. Raises GuestLost where nothing proves on which
    host the guest is.
    """
    how, location = end or ("failed", UNKNOWN)
    if how != "completed" and not location.startswith("source-"):
        raise GuestLost(place or location, error)
    return _ENDS[how]


def by_statistics(info: Any, guest: Any) -> Outcome:
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
