"""What Nova is told at the end of a live migration that was left, beside its own post steps and rollback."""

from __future__ import annotations

import sys
from typing import Any

from nova import exception
from nova.compute import task_states, vm_states
from nova.compute import utils as compute_utils
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: The statuses of a migration that is over.
STATUSES = frozenset({"completed", "failed", "cancelled", "error"})


def ready(instance: Any, vm_state: str | None) -> None:
    """Nova's steps expect an instance that migrates, in the state that it had."""
    wanted = vm_state or (vm_states.ACTIVE if instance.vm_state == vm_states.ERROR else instance.vm_state)
    if (instance.vm_state, instance.task_state) == (wanted, task_states.MIGRATING):
        return
    instance.vm_state, instance.task_state = wanted, task_states.MIGRATING
    instance.save()


def put_into_error(context: Any, instance: Any, reason: str) -> None:
    """The instance goes to ERROR and stays migrating, with the reason where Nova's API shows it."""
    instance.vm_state = vm_states.ERROR
    instance.save()
    # Of an error that is not Nova's own the API shows the class alone.
    fault = exception.MigrationError(
        reason=f"nova-compute ended in a live migration, and {reason}: look for the guest on both hosts "
        "before anything is deleted there"
    )
    compute_utils.add_instance_fault_from_exc(context, instance, fault)


def record_move(compute: Any, context: Any, instance: Any, migration: Any) -> None:
    """What comes last of Nova's post steps: the migration has completed, and the source is free again."""
    migration.status = "completed"
    migration.save()
    compute._delete_allocation_after_move(context, instance, migration)
    compute.update_available_resource(context)


def record_failure(context: Any, instance: Any, migration: Any, error: Exception) -> None:
    """Nova's steps have failed: as its manager, which has the host right by then."""
    if migration is not None:
        migration.status = "error"
        migration.save()
    instance.refresh()
    instance.vm_state, instance.task_state = vm_states.ERROR, None
    instance.save()
    compute_utils.add_instance_fault_from_exc(context, instance, error, sys.exc_info())


def post_steps(compute: Any) -> str:
    """The name of Nova's method for what follows a move. The first releases of 25 and 26 have only the inner
    one, which does not have the database name the new host where it fails.
    """
    outer = "_post_live_migration_update_host"
    return outer if hasattr(compute, outer) else "_post_live_migration"


def free_source(driver: Any, context: Any, instance: Any, migration: Any) -> None:
    """The guest has moved, and Nova's steps at the destination failed: nothing stays reserved for it here.

    Nova itself gives that back only after these steps.
    """
    try:
        driver.virtapi._compute._delete_allocation_after_move(context, instance, migration)
    except Exception:
        LOG.exception("What the live migration has reserved at the source stays so", instance=instance)


def release(compute: Any, context: Any, instance: Any, migration: Any) -> None:
    """The guest is at the source, and what a rollback needs is not known: the allocation goes back, and the
    rest is as in Nova's own start-up.
    """
    if migration is not None:
        compute._revert_allocation(context, instance, migration)
    compute._reset_live_migration(context, instance)
