"""`nova.virt.libvirt.migration`: the destination's definition, and what is decided while a guest moves."""

from __future__ import annotations

from typing import Any

from nova import exception
from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from libvirt_migrate import MigrationError, Retarget, retarget_xml

from . import translate

LOG = logging.getLogger(__name__)

#: The status that Nova gives a migration in post-copy.
POST_COPY_STATUS = "running (post-copy)"


def get_updated_guest_xml(
    instance: Any,
    guest: Any,
    migrate_data: Any,
    get_volume_config: translate.GetConfig,
    get_vif_config: translate.GetConfig | None = None,
    new_resources: Any = None,
) -> str:
    """The guest's definition for the destination, in all but what changes the source's, byte for byte.

    Raises `nova.exception.MigrationError`, which names the element and its line and column, where the
    definition and `migrate_data` do not fit together.
    """
    xml: str = guest.get_xml_desc(dump_migratable=True)
    parts = translate.parts(xml, instance, migrate_data, get_volume_config, get_vif_config, new_resources)
    try:
        return retarget_xml(xml, Retarget(**parts))
    except MigrationError as error:
        raise exception.MigrationError(reason=str(error)) from error


def find_job_type(guest: Any, instance: Any, logging_ok: bool = True) -> Any:
    """What became of a job that libvirt knows nothing of any more: a guest that still runs here has not
    moved.

    With `logging_ok` false nothing is logged: libvirt's event thread must not.
    """
    libvirt = nova_migration.libvirt or nova_guest.libvirt
    reason: Any
    try:
        active, reason = guest.is_active(), None
    except libvirt.libvirtError as error:
        active, reason = error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN, error
    if logging_ok:
        if active and reason is not None:
            LOG.info("The guest's state cannot be read, so the migration counts as failed: %s", reason)
        else:
            LOG.debug(
                "The guest %s on this host", "is still" if active else "is no longer", instance=instance
            )
    return libvirt.VIR_DOMAIN_JOB_FAILED if active else libvirt.VIR_DOMAIN_JOB_COMPLETED


def should_trigger_timeout_action(
    instance: Any, elapsed: float, completion_timeout: float, migration_status: str
) -> bool:
    """Whether the completion timeout has passed. One in post-copy cannot be aborted, and needs no forcing."""
    if not completion_timeout or migration_status == POST_COPY_STATUS or elapsed <= completion_timeout:
        return False
    LOG.warning("Live migration not completed after %d sec", completion_timeout, instance=instance)
    return True


def update_downtime(
    guest: Any, instance: Any, olddowntime: int | None, downtime_steps: list[tuple[int, int]], elapsed: float
) -> int | None:
    """Sets the downtime limit (ms) of the last step whose time (s) has passed; returns the limit in force.

    A step that libvirt refuses is not in force, so it is tried again the next time.
    """
    passed = [downtime for after, downtime in downtime_steps if elapsed > after]
    if not passed or passed[-1] == olddowntime:
        return olddowntime
    try:
        guest.migrate_configure_max_downtime(passed[-1])
    except nova_guest.libvirt.libvirtError as error:
        LOG.warning("Unable to increase max downtime to %d ms: %s", passed[-1], error, instance=instance)
        return olddowntime
    LOG.info("Increasing downtime to %d ms after %d sec", passed[-1], elapsed, instance=instance)
    return passed[-1]


#: What replaces the functions of the same names of `nova.virt.libvirt.migration`.
FUNCTIONS = (get_updated_guest_xml, find_job_type, should_trigger_timeout_action, update_downtime)
