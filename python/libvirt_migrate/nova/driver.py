"""`LibvirtDriver`'s methods around the monitor: Nova's own, with the end of a migration told once.

From 32.2 on Nova raises the call's error again after the monitor has seen to it: the instance goes to ERROR
although it was rolled back, or although it has arrived. Here the monitor has the error, and its word stands.
"""

from __future__ import annotations

from typing import Any

from nova.virt.libvirt import driver as nova_driver
from oslo_log import log as logging

from . import call as calls
from . import ends
from .keeper import Keeper
from .originals import original

LOG = logging.getLogger(__name__)


def live_migration(
    self: Any,
    context: Any,
    instance: Any,
    dest: Any,
    post_method: Any,
    recover_method: Any,
    block_migration: Any,
    migrate_data: Any,
) -> None:
    """`_live_migration`: moves the instance, and calls `post_method` or `recover_method`.

    Raises what the monitor raises: that nobody knows where the guest is, or an error of those two.
    """
    keeper = Keeper(instance)
    with calls.following(instance) as call:
        call.keeper = keeper
        keeper.begin(self, dest, block_migration, migrate_data, post_method)
        try:
            original(nova_driver.LibvirtDriver, "_live_migration")(
                self, context, instance, dest, post_method, recover_method, block_migration, migrate_data
            )
        except Exception:
            if instance.host == dest and "migration" in migrate_data:
                ends.free_source(self, context, instance, migrate_data.migration)
            # Nova records it as ended.
            keeper.end()
            raise
        keeper.end()


def live_migration_operation(
    self: Any,
    context: Any,
    instance: Any,
    dest: Any,
    block_migration: Any,
    migrate_data: Any,
    guest: Any,
    device_names: Any,
) -> None:
    """`_live_migration_operation`: makes the call. Its error is the monitor's, where one follows it."""
    call = calls.of(instance)
    error: BaseException | None = None
    try:
        original(nova_driver.LibvirtDriver, "_live_migration_operation")(
            self, context, instance, dest, block_migration, migrate_data, guest, device_names
        )
    except BaseException as raised:
        error = raised
        if call is None or not isinstance(raised, Exception):
            raise
    finally:
        if call is not None:
            call.end(error)


def live_migration_abort(self: Any, instance: Any) -> None:
    """`live_migration_abort`: has libvirt abort the migration. That it took it is known at the end.

    Nova aborts after an error of the monitor too. With the call over there is nothing of this migration's to
    abort: where nobody knows where the guest is, nothing is done to it.
    """
    call = calls.of(instance)
    if call is not None and call.over:
        LOG.warning("The migration's call is over, so there is nothing to abort", instance=instance)
        return
    original(nova_driver.LibvirtDriver, "live_migration_abort")(self, instance)
    if call is not None:
        call.abort_was_taken()


#: What replaces the methods of these names.
METHODS = {
    "_live_migration": live_migration,
    "_live_migration_operation": live_migration_operation,
    "live_migration_abort": live_migration_abort,
}
