"""What can be said of a live migration that nova-compute left without a journal: by Nova's own questions."""

from __future__ import annotations

from typing import Any

from nova import objects
from nova.conf import CONF
from oslo_log import log as logging

LOG = logging.getLogger(__name__)


def migration_of(context: Any, instance: Any) -> Any:
    """The live migration of the instance that the database has no end of; `None` where there is none."""
    found = objects.MigrationList.get_in_progress_by_instance(context, instance.uuid, "live-migration")
    return max(found, key=lambda migration: migration.id, default=None)


def rebuild(compute: Any, context: Any, instance: Any, migration: Any) -> tuple[Any, Any, bool]:
    """Nova's `migrate_data`, the source's block devices, and whether that is enough for a rollback.

    Whether the hosts share the instance's folder Nova asks the destination; where it cannot, they count as
    sharing it, and nothing is removed. How the source reached the volumes nobody knows any more: none is
    touched, and there is no rollback with volumes.
    """
    shared = bool(compute._is_instance_storage_shared(context, instance, host=migration.dest_compute))
    data = objects.LibvirtLiveMigrateData(
        migration=migration,
        block_migration=not shared,
        is_shared_instance_path=shared,
        is_shared_block_storage=shared or CONF.libvirt.images_type == "rbd",
    )
    devices = objects.BlockDeviceMappingList.get_by_instance_uuid(context, instance.uuid)
    volumes = [device for device in devices if device.is_volume]
    if volumes:
        LOG.warning(
            "There is no journal of the live migration: the connections of %d volumes are left as they are",
            len(volumes),
            instance=instance,
        )
    kept = [device for device in devices if not device.is_volume]
    return data, objects.BlockDeviceMappingList(context, objects=kept), not volumes
