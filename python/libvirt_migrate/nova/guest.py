"""`nova.virt.libvirt.guest`: `Guest.migrate`, and the statistics of a job.

A guest on a real libvirt-python domain goes to libvirt directly, with the GIL released. Any other domain, an
eventlet `tpool.Proxy` above all, is called through its own methods, so that the call never blocks the hub.
"""

from __future__ import annotations

from typing import Any

from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

import libvirt_migrate
from libvirt_migrate import _core

from . import transport

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
    migrate_disks: Any = None,
    destination_xml: str | None = None,
    flags: int = 0,
    bandwidth: int = 0,
    parallel: int = 0,
) -> None:
    """Moves the guest to `destination`, a libvirt URI, and returns when it is there.

    `bandwidth` is MiB/s, 0 without a limit; `parallel` the number of connections. `destination_xml` is what
    the destination keeps as well. All is sent as it is given, but for what `transport` adds: Nova has its own
    rules, and libvirt refuses what it does not take. Raises what is a `libvirt.libvirtError` too where
    libvirt refused or failed; the error says where the guest is.
    """
    parameters = {
        "migrate_uri": migrate_uri or None,
        "migrate_disks": migrate_disks or None,
        "parallel.connections": parallel if parallel > 1 else None,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    given["bandwidth"] = bandwidth
    if not migrate_disks:
        # Without a list libvirt would copy every disk that can be written, the volumes too, onto themselves.
        flags &= ~nova_guest.libvirt.VIR_MIGRATE_NON_SHARED_INC
    flags = transport.with_disks(flags)
    guest = libvirt_migrate.Guest(self._domain)
    # From here on the guest may be there, and the monitor asks for it if it has to.
    self.migration_destination, self.migration_uri = destination, migrate_uri or None

    def call(given: dict[str, Any], flags: int) -> None:
        params = _core._params_as_given(destination, flags, destination_xml or None, given)
        # The driver's monitor watches and steers.
        guest.migrate(params, steer=False)

    chosen = transport.choose(guest, destination, given, flags)
    if chosen is not None:
        try:
            return call(*chosen)
        except nova_guest.libvirt.libvirtError as error:
            if not transport.is_refusal(error):
                raise
            LOG.warning(
                "Compressed memory was refused, so it is sent as it is: %s", error, instance_uuid=self.uuid
            )
    call(given, flags)


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
METHODS = (migrate, get_job_info)
