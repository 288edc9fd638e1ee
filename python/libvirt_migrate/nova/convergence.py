"""What Nova's options want of a migration, and what its records say of one."""

from __future__ import annotations

from typing import Any

from nova.conf import CONF
from oslo_log import log as logging

from libvirt_migrate import Convergence
from libvirt_migrate.codes import StateCode

LOG = logging.getLogger(__name__)

#: The status that Nova gives a migration in post-copy.
POST_COPY_STATUS = "running (post-copy)"
#: libvirt's states of the guest at the source: paused for the last part of its migration, and in post-copy.
_SWITCHOVER = (StateCode.PAUSED, StateCode.PAUSED_MIGRATION)
_POST_COPY = (StateCode.PAUSED, StateCode.PAUSED_POSTCOPY)


def source_state(guest: Any) -> tuple[int, int] | None:
    """libvirt's state of the guest here, and the reason for it; `None` where libvirt does not say."""
    try:
        state, reason = guest._domain.state()
        return int(state), int(reason)
    except Exception:
        return None


def save(record: Any, instance: Any) -> None:
    """Saves to the database. One that fails is no reason to lose sight of a guest that moves."""
    try:
        record.save()
    except Exception as error:
        LOG.warning("Saving the progress of the live migration failed: %s", error, instance=instance)


def intent(data_gb: float, post_copy: bool) -> Convergence:
    """What the options want of a migration; `data_gb` is what Nova counts as the data to move."""
    options = CONF.libvirt
    action = options.live_migration_timeout_action
    if CONF.libvirt_migrate.policy == "schedule":
        return Convergence.schedule(
            max_downtime=options.live_migration_downtime / 1000,
            steps=options.live_migration_downtime_steps,
            delay=options.live_migration_downtime_delay,
            completion_timeout=options.live_migration_completion_timeout,
            timeout_action=action,
            post_copy=post_copy,
            data_gb=data_gb,
        )
    # Nova takes any downtime, QEMU no more than this.
    downtime = min(options.live_migration_downtime / 1000, 2000)
    deadline = int(options.live_migration_completion_timeout * data_gb)
    automatic = post_copy and CONF.libvirt_migrate.automatic_post_copy
    return Convergence(
        max_downtime=downtime,
        deadline=max(deadline, downtime) if deadline else None,
        post_copy=automatic,
        max_post_copy=CONF.libvirt_migrate.max_post_copy if automatic else None,
        on_deadline="force" if deadline and action == "force_complete" else "abort",
    )
