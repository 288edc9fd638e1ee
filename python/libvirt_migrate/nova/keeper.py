"""The journal of one live migration while it runs, and Nova's objects out of it. Nothing here ends one."""

from __future__ import annotations

from typing import Any

from nova import objects
from nova.conf import CONF
from oslo_log import log as logging

from . import release
from .journal import Journal, Store
from .verdict import Phase

LOG = logging.getLogger(__name__)


def store() -> Store:
    """The journals of this nova-compute."""
    return Store(CONF.state_path)


class Keeper:
    """Keeps what a nova-compute that is started again would need."""

    def __init__(self, instance: Any, journal: Journal | None = None) -> None:
        self._instance, self.journal = instance, journal

    def begin(
        self, driver: Any, dest: str, block_migration: Any, migrate_data: Any, post_method: Any
    ) -> None:
        """Keeps the migration; it goes on where that fails."""
        if not CONF.libvirt_migrate.take_over:
            return
        try:
            journal = journal_of(driver, self._instance, dest, block_migration, migrate_data, post_method)
            store().write(journal)
        except Exception as error:
            # Not the error's text, which may hold what was to be kept.
            LOG.warning(
                "The live migration is not kept for a restart of nova-compute: %s",
                type(error).__name__,
                instance=self._instance,
            )
        else:
            self.journal = journal

    def change(self, **fields: Any) -> None:
        """Keeps a change, before what it tells of is done."""
        if self.journal is None:
            return
        try:
            self.journal = store().change(self.journal, **fields)
        except OSError as error:
            LOG.warning("The journal of the live migration: %s", error, instance=self._instance)

    def end(self) -> None:
        """Nova knows how the migration ended: nothing is left to take over."""
        if self.journal is None:
            return
        self.journal = None
        try:
            store().remove(self._instance.uuid)
        except OSError as error:
            LOG.warning("The journal of the live migration: %s", error, instance=self._instance)


def journal_of(
    driver: Any, instance: Any, dest: str, block_migration: Any, migrate_data: Any, post_method: Any
) -> Journal:
    """The journal of a migration that is about to begin."""
    connect = migrate_data.target_connect_addr if "target_connect_addr" in migrate_data else None
    return Journal(
        instance=instance.uuid,
        migration=migrate_data.migration.id,
        nova=release.version(),
        source=instance.host,
        destination=dest,
        uri=driver._live_migration_uri(connect or dest),
        block_migration=bool(block_migration),
        vm_state=instance.vm_state,
        migrate_data=migrate_data.obj_to_primitive(),
        source_bdms=post_method.keywords["source_bdms"].obj_to_primitive(),
    )


def restore(context: Any, journal: Journal, migration: Any) -> tuple[Any, Any]:
    """Nova's `migrate_data` and the source's block devices, as they were before the migration."""
    data = objects.LibvirtLiveMigrateData.obj_from_primitive(journal.migrate_data, context)
    # As the database has it now.
    data.migration = migration
    devices = objects.BlockDeviceMappingList.obj_from_primitive(journal.source_bdms, context)
    return data, devices


def phase_of(call: Any, phase: Phase, **fields: Any) -> None:
    """Keeps that Nova's steps at the end of a call's migration begin."""
    if call is not None and call.keeper is not None:
        call.keeper.change(phase=phase, **fields)
