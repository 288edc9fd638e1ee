"""`LibvirtDriver._live_migration_monitor`: watches a migration to its end and tells Nova how it ended.

The call itself runs beside it, in a thread of Nova's. That call's return is what ends the watch; libvirt's
job statistics only steer the migration, since a job that is gone may have succeeded, failed, or never
begun.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from nova.compute import vm_states
from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from .convergence import Conductor
from .operation import Operation
from .outcome import Outcome, decide
from .progress import Reporter

LOG = logging.getLogger(__name__)

#: Between two looks, s: while much may change in a moment, and later on. The end is noticed at once either
#: way.
QUICK, SLOW = 0.1, 0.5
#: How long a migration is looked at quickly, s. Most are over by then.
QUICK_FOR = 30.0


def live_migration_monitor(
    self: Any,
    context: Any,
    instance: Any,
    guest: Any,
    dest: Any,
    post_method: Any,
    recover_method: Any,
    block_migration: Any,
    migrate_data: Any,
    future: Any,
    disk_paths: list[str],
) -> None:
    """Steers a running migration, and calls `post_method` or `recover_method` once, when it is over.

    Raises GuestLost, and calls neither, where nobody can say on which host the guest is.
    """
    operation = Operation(future, guest)
    recover: deque[str] = deque()
    try:
        info = _watch(self, instance, guest, migrate_data, operation, disk_paths, recover)
        outcome = decide(info, operation.error(), guest, instance)
        if outcome is Outcome.COMPLETED:
            LOG.info("Migration operation has completed", instance=instance)
            post_method(context, instance, dest, block_migration, migrate_data)
            return
        LOG.warning("Migration operation has %s", outcome.value, instance=instance)
        nova_migration.run_recover_tasks(self._host, guest, instance, recover)
        status = {"migration_status": "cancelled"} if outcome is Outcome.CANCELLED else {}
        recover_method(context, instance, dest, migrate_data, **status)
    finally:
        self._clear_empty_migration(instance)


def _watch(
    driver: Any,
    instance: Any,
    guest: Any,
    migrate_data: Any,
    operation: Operation,
    disk_paths: list[str],
    recover: deque[str],
) -> Any:
    """Looks at the job until the call has returned; returns the last job information, if it says how it
    ended.
    """
    libvirt = nova_guest.libvirt
    migration = migrate_data.migration
    flags = driver._get_migration_flags(migrate_data.block_migration)
    # Neither a paused guest nor persistent memory can be moved by post-copy.
    post_copy = bool(driver._is_post_copy_enabled(flags)) and not driver._get_vpmems(instance)
    post_copy = post_copy and getattr(instance, "vm_state", None) != vm_states.PAUSED
    data_gb = driver._live_migration_data_gb(instance, disk_paths)
    conductor = Conductor(instance, guest, migration, data_gb, flags, post_copy)
    reporter = Reporter(instance, migration)
    ended = (
        libvirt.VIR_DOMAIN_JOB_COMPLETED,
        libvirt.VIR_DOMAIN_JOB_FAILED,
        libvirt.VIR_DOMAIN_JOB_CANCELLED,
    )
    start, elapsed = time.time(), 0.0
    while True:
        # Before the look, or a job could begin and end between the two.
        over = operation.done()
        info = _look(guest, instance)
        # The clock may be set back while a guest moves.
        elapsed = max(elapsed, time.time() - start)
        if info is not None and info.type in ended and not getattr(info, "gone", False):
            while not operation.wait(SLOW):
                pass
            return info
        if over or operation.done():
            return None
        if info is not None and info.type == libvirt.VIR_DOMAIN_JOB_UNBOUNDED:
            _run_tasks(driver, guest, instance, migration, recover, post_copy)
            conductor.observe(info, elapsed, recover)
            reporter.report(info, elapsed)
        elif info is not None and info.type not in (*ended, libvirt.VIR_DOMAIN_JOB_NONE):
            LOG.warning("Unexpected migration job type: %d", info.type, instance=instance)
        operation.wait(QUICK if elapsed < QUICK_FOR else SLOW)


def _run_tasks(
    driver: Any, guest: Any, instance: Any, migration: Any, recover: deque[str], post_copy: bool
) -> None:
    """Does what operators have asked for meanwhile (force-complete)."""
    try:
        nova_migration.run_tasks(guest, instance, driver.active_migrations, recover, migration, post_copy)
    except Exception as error:
        # Saving the new status, for one. The guest moves on, and so must the watch.
        LOG.warning("A task of the live migration failed: %s", error, instance=instance)


def _look(guest: Any, instance: Any) -> Any:
    """The job's statistics, or `None` where they cannot be had just now: the migration goes on regardless."""
    try:
        return guest.get_job_info()
    except nova_guest.libvirt.libvirtError as error:
        LOG.warning("The job's statistics cannot be read: %s", error, instance=instance)
        return None
