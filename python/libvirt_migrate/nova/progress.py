"""What Nova is told while a guest moves: the database now and then, the log less often."""

from __future__ import annotations

from typing import Any

from nova.conf import CONF
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: How often the progress is logged at INFO, s; as Nova does.
INFO_INTERVAL = 30.0


class Reporter:
    """Reports the progress of one migration."""

    def __init__(self, instance: Any, migration: Any) -> None:
        self._instance, self._migration = instance, migration
        self._saved: float | None = None
        self._told = 0.0

    def report(self, info: Any, elapsed: float) -> None:
        """Saves and logs the progress, where it is time to. Never raises: a migration goes on without."""
        # Before Nova 34 the interval is fixed.
        interval = getattr(CONF.libvirt, "live_migration_monitor_interval", 5)
        if self._saved is not None and elapsed - self._saved < interval:
            return
        self._saved = elapsed
        remaining = _percent(info.memory_remaining, info.memory_total)
        try:
            nova_migration.save_stats(self._instance, self._migration, info, remaining)
        except Exception as error:
            LOG.warning(
                "Saving the progress of the live migration failed: %s", error, instance=self._instance
            )
        log = LOG.debug
        if elapsed - self._told >= INFO_INTERVAL:
            self._told, log = elapsed, LOG.info
        log(
            "Migration running for %d s: memory %d%% remaining (%d of %d bytes, %d sent, pass %d), "
            "disks %d%% remaining (%d of %d bytes)",
            elapsed,
            remaining,
            info.memory_remaining,
            info.memory_total,
            info.memory_processed,
            info.memory_iteration,
            _percent(info.disk_remaining, info.disk_total),
            info.disk_remaining,
            info.disk_total,
            instance=self._instance,
        )


def _percent(remaining: int, total: int) -> int:
    """What is left, %; all of it while the total is unknown."""
    return min(100, round(remaining * 100 / total)) if total else 100
