"""`nova.virt.libvirt.guest`: the methods of `Guest` that migrate, and `JobInfo`.

A guest on a real libvirt-python domain goes to libvirt directly, with the GIL released. Any other domain, an
eventlet `tpool.Proxy` above all, is called through its own methods, so that the call never blocks the hub.
"""

from __future__ import annotations

from typing import Any

from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

import libvirt_migrate
from libvirt_migrate import MigrationError, build_migrate_params

LOG = logging.getLogger(__name__)

#: What libvirt's error says for a moment at the start and at the end of a migration.
_NO_RAM_INFO = "migration was active, but no RAM info was set"


class JobInfo(nova_guest.JobInfo):  # type: ignore[misc]
    """Nova's, with the statistics that a convergence policy needs as well, under libvirt's names."""

    def __init__(self, **stats: Any) -> None:
        super().__init__(**stats)
        #: What libvirt told, unchanged.
        self.stats: dict[str, Any] = stats
        #: Why libvirt told nothing: the guest is gone from this host.
        self.gone = False


def migrate(
    self: Any,
    destination: str,
    migrate_uri: str | None = None,
    migrate_disks: list[str] | None = None,
    destination_xml: str | None = None,
    flags: int = 0,
    bandwidth: int = 0,
    parallel: int = 0,
) -> None:
    """Moves the guest to `destination`, a libvirt URI, and returns when it is there.

    `bandwidth` is MiB/s, 0 without a limit; `parallel` the number of connections. The destination keeps
    `destination_xml` as its persistent definition. Raises what is a `libvirt.libvirtError` too where libvirt
    refused or failed; the error says where the guest is, and `migration_error` of the guest keeps it for the
    monitor.
    """
    self.migration_error, self.migration_destination = None, destination
    try:
        params = build_migrate_params(
            destination_xml or None,
            destination=destination,
            flags=flags,
            migrate_uri=migrate_uri or None,
            migrate_disks=migrate_disks or None,
            bandwidth=bandwidth,
            parallel_connections=parallel if parallel > 1 else None,
        )
        # The driver's monitor watches and steers.
        libvirt_migrate.Guest(self._domain).migrate(params, steer=False)
    except Exception as error:
        self.migration_error = error
        raise


def abort_job(self: Any) -> None:
    """Aborts the job that runs."""
    libvirt_migrate.Guest(self._domain).abort_job()


def migrate_configure_max_downtime(self: Any, mstime: int) -> None:
    """Sets the longest pause that the running migration may cause, ms."""
    libvirt_migrate.Guest(self._domain).set_max_downtime(mstime / 1000)


def migrate_start_postcopy(self: Any) -> None:
    """Switches the running migration to post-copy."""
    libvirt_migrate.Guest(self._domain).start_post_copy()


def get_job_info(self: Any) -> Any:
    """The statistics of the guest's job.

    Nothing is logged: Nova calls this on libvirt's event thread too, where logging is forbidden.
    """
    # Read now: Nova's fixtures replace it, and before 33 it is None until the first Guest.
    libvirt = nova_guest.libvirt
    jobs = nova_guest.JobInfo
    if not jobs._have_job_stats:
        return jobs._get_job_stats_compat(self._domain)
    try:
        return jobs(**libvirt_migrate.Guest(self._domain).job_info().to_dict())
    except AttributeError:
        # A binding without jobStats().
        jobs._have_job_stats = False
        return jobs._get_job_stats_compat(self._domain)
    except libvirt.libvirtError as error:
        code, message = error.get_error_code(), error.get_error_message() or ""
        if code == libvirt.VIR_ERR_NO_SUPPORT:
            jobs._have_job_stats = False
            return jobs._get_job_stats_compat(self._domain)
        if code in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            info = jobs(type=libvirt.VIR_DOMAIN_JOB_COMPLETED)
            # The monitor does not take this for a success: the guest may have crashed.
            info.gone = True
            return info
        if code == libvirt.VIR_ERR_INTERNAL_ERROR and _NO_RAM_INFO in message:
            return jobs(type=libvirt.VIR_DOMAIN_JOB_NONE)
        raise


#: What replaces the methods of the same names of `nova.virt.libvirt.guest.Guest`.
METHODS = (migrate, abort_job, migrate_configure_max_downtime, migrate_start_postcopy, get_job_info)

__all__ = ["METHODS", "JobInfo", "MigrationError"]
