"""What Nova is told while a guest moves: the database now and then, the log less often."""

from __future__ import annotations

from typing import Any

from nova.conf import CONF
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from .convergence import POST_COPY_STATUS

LOG = logging.getLogger(__name__)

#: How often the progress is logged at INFO, s; as Nova does.
INFO_INTERVAL = 30.0


class Reporter:
    """Reports the progress of one migration."""

    def __init__(self, instance: Any, migration: Any) -> None:
        self._instance, self._migration = instance, migration
        self._saved: float | None = None
        self._told = 0.0

    def report(self, info: Any, elapsed: float, paused: bool) -> None:
        """Saves and logs the progress, where it is time to; `paused` says that the guest was paused to get
        the migration over.
        """
        # Before Nova 34 the interval is fixed.
        interval = getattr(CONF.libvirt, "live_migration_monitor_interval", 5)
        if self._saved is not None and elapsed - self._saved < interval:
            return
        self._saved = elapsed
        try:
            remaining = _percent(info.memory_remaining, info.memory_total)
            nova_migration.save_stats(self._instance, self._migration, info, remaining)
        except Exception as error:
            # The database may be away for long; it is told each time.
            LOG.warning(
                "Saving the progress of the live migration failed: %s", error, instance=self._instance
            )
        log = LOG.debug
        if elapsed - self._told >= INFO_INTERVAL:
            self._told, log = elapsed, LOG.info
        post_copy = self._migration.status == POST_COPY_STATUS
        where = "in post-copy" if post_copy else "with the guest paused" if paused else "running"
        log("Migration %s for %d s: %s", where, elapsed, figures(info), instance=self._instance)


def figures(info: Any) -> str:
    """The job's figures in words: those that libvirt has told."""
    stats = getattr(info, "stats", None) or {}
    parts = []
    if info.memory_total:
        parts.append(f"memory {_part(info.memory_remaining, info.memory_total)}")
    if sent := info.memory_processed:
        parts.append(f"{_mib(sent)} sent")
    if iteration := stats.get("memory_iteration"):
        parts.append(f"pass {iteration}")
    if info.disk_total:
        parts.append(f"disks {_part(info.disk_remaining, info.disk_total)}")
    return ", ".join(parts) or "nothing moved yet"


def _part(remaining: int, total: int) -> str:
    return f"{_percent(remaining, total)}% remaining ({_mib(remaining)} of {_mib(total)})"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _percent(remaining: int, total: int) -> int:
    """What is left, %; all of it while the total is unknown."""
    return min(100, round(remaining * 100 / total)) if total else 100
