"""What is done to a migration while it runs: what operators and the policy want, and what is told of it."""

from __future__ import annotations

from collections import deque
from typing import Any

from nova.compute import vm_states
from nova.virt.libvirt import migration as nova_migration

from .convergence import Conductor
from .faults import Faults
from .operation import Operation
from .progress import Reporter


class Steering:
    """All that a watch does beside watching. None of it can end the watch."""

    def __init__(
        self,
        driver: Any,
        instance: Any,
        guest: Any,
        migrate_data: Any,
        disk_paths: list[str],
        recover: deque[str],
        operation: Operation,
        faults: Faults,
    ) -> None:
        self._driver, self._instance, self._guest = driver, instance, guest
        self._recover, self._faults = recover, faults
        self._migration: Any = None
        self._conductor: Conductor | None = None
        self._reporter: Reporter | None = None
        self._post_copy = False
        with faults.told("The preparation of the report"):
            self._migration = migrate_data.migration
            self._reporter = Reporter(instance, self._migration)
        with faults.told("The preparation of the policy"):
            flags = driver._get_migration_flags(migrate_data.block_migration)
            self._post_copy = self._may_post_copy(flags)
            data_gb = driver._live_migration_data_gb(instance, disk_paths)
            self._conductor = Conductor(
                instance, guest, self._migration, data_gb, flags, self._post_copy, operation
            )

    def _may_post_copy(self, flags: int) -> bool:
        """Neither a paused guest nor persistent memory can be moved by post-copy."""
        if not self._driver._is_post_copy_enabled(flags) or self._driver._get_vpmems(self._instance):
            return False
        return bool(getattr(self._instance, "vm_state", None) != vm_states.PAUSED)

    def steer(self, info: Any, elapsed: float) -> None:
        """One look at a job that runs."""
        with self._faults.told("A task of the live migration"):
            # Force-complete, which an operator has asked for meanwhile.
            nova_migration.run_tasks(
                self._guest,
                self._instance,
                self._driver.active_migrations,
                self._recover,
                self._migration,
                self._post_copy,
            )
        if self._conductor is not None:
            with self._faults.told("The policy"):
                self._conductor.observe(info, elapsed, self._recover)
        if self._reporter is not None:
            with self._faults.told("The report of the progress"):
                self._reporter.report(info, elapsed, paused="unpause" in self._recover)
