"""`LibvirtDriver._live_migration_monitor`: watches a migration to its end and tells Nova how it ended.

The call itself runs beside it, in a thread of Nova's. That call's return is what ends the watch; libvirt's
job statistics only steer the migration, since a job that is gone may have succeeded, failed, or never
begun.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from . import call as calls
from .faults import Faults
from .operation import Operation
from .outcome import GuestLost, Outcome, decide
from .place import UNKNOWN, Hosts
from .progress import figures
from .steering import Steering

LOG = logging.getLogger(__name__)

#: What the time is taken from, s: a step of the wall clock must not end a migration.
clock = time.monotonic
#: Between two looks, s: while much may change in a moment, and later on. The end is noticed at once either
#: way.
QUICK, SLOW = 0.1, 0.5
#: How long a migration is looked at quickly, s. Most are over by then.
QUICK_FOR = 30.0
#: How long the call may take to return once libvirt's statistics say that the job has ended, s, before both
#: hosts are asked. It takes one or two: the source ends its QEMU meanwhile.
CONFIRM_FOR = 60.0


def live_migration_monitor(
    self: Any,
    context: Any,
    instance: Any,
    guest: Any,
    dest: Any,
    post_method: Any,
    recover_method: Any,
    block_migration: Any,
    migrate_data: Any,
    future: Any,
    disk_paths: list[str],
) -> None:
    """Steers a running migration, and calls `post_method` or `recover_method` once, when it is over.

    Raises GuestLost, and calls neither, where nobody can say on which host the guest is.
    """
    faults, recover = Faults(instance), deque[str]()
    operation = Operation(future, calls.of(instance), faults)
    try:
        steering = Steering(self, instance, guest, migrate_data, disk_paths, recover, operation, faults)
        watch = _Watch(self, instance, guest, operation, steering, faults)
        outcome = _end(watch, instance)
        if outcome is Outcome.COMPLETED:
            post_method(context, instance, dest, block_migration, migrate_data)
            return
        nova_migration.run_recover_tasks(self._host, guest, instance, recover)
        status = {"migration_status": "cancelled"} if outcome is Outcome.CANCELLED else {}
        recover_method(context, instance, dest, migrate_data, **status)
    finally:
        self._clear_empty_migration(instance)


def _end(watch: _Watch, instance: Any) -> Outcome:
    """Watches to the end and tells it."""
    info, place = watch.run()
    after = f"after {watch.elapsed:.1f} s"
    with watch.faults.told("The report of the end"):
        after += f" ({figures(watch.last)})" if watch.last is not None else ""
    try:
        outcome = decide(info, place, watch.operation, watch.guest, watch.hosts(), instance)
    except GuestLost as lost:
        LOG.error("Migration operation has ended %s: %s", after, lost, instance=instance)
        raise
    log = LOG.info if outcome is Outcome.COMPLETED else LOG.warning
    log("Migration operation has %s %s", outcome.value, after, instance=instance)
    return outcome


class _Watch:
    """Looks at one migration until its call has returned. What fails here ends nothing."""

    def __init__(
        self,
        driver: Any,
        instance: Any,
        guest: Any,
        operation: Operation,
        steering: Steering,
        faults: Faults,
    ) -> None:
        self._driver, self._instance, self.guest = driver, instance, guest
        self.operation, self._steering, self.faults = operation, steering, faults
        self.elapsed = 0.0
        #: The last statistics of the job while it ran.
        self.last: Any = None

    def hosts(self) -> Hosts:
        """The two hosts. The destination is known once libvirt was asked to move the guest."""
        destination = getattr(self.guest, "migration_destination", None)
        return Hosts(self._instance, self._driver._uri(), destination)

    def run(self) -> tuple[Any, str | None]:
        """Returns the job information that says how it ended, if any does, and the guest's place where it was
        looked for because the call would not return.
        """
        libvirt = nova_guest.libvirt
        ended = (
            libvirt.VIR_DOMAIN_JOB_COMPLETED,
            libvirt.VIR_DOMAIN_JOB_FAILED,
            libvirt.VIR_DOMAIN_JOB_CANCELLED,
        )
        start = clock()
        while True:
            # Before the look, or a job could begin and end between the two.
            over = self.operation.done()
            info = self._look()
            self.elapsed = max(self.elapsed, clock() - start)
            if info is not None and info.type in ended and not getattr(info, "gone", False):
                return info, self._confirm()
            if over or self.operation.done():
                return None, None
            if info is not None and info.type == libvirt.VIR_DOMAIN_JOB_UNBOUNDED:
                self.last = info
                self._steering.steer(info, self.elapsed)
            elif info is not None and info.type not in (*ended, libvirt.VIR_DOMAIN_JOB_NONE):
                error = ValueError(f"job type {info.type} is not expected")
                self.faults.tell("The look at the job", error, traceback=False)
            self.operation.wait(QUICK if self.elapsed < QUICK_FOR else SLOW)

    def _look(self) -> Any:
        """The job's statistics; `None` where they cannot be had just now, and the migration goes on."""
        try:
            return self.guest.get_job_info()
        except nova_guest.libvirt.libvirtError as error:
            self.faults.tell("The look at the job", error, traceback=False)
        except Exception as error:
            self.faults.tell("The look at the job", error)
        return None

    def _confirm(self) -> str | None:
        """Waits for the call, whose result is what counts. Where it does not return, the guest's place does,
        once both hosts' answers prove one.
        """
        since = asked = clock()
        while not self.operation.wait(SLOW):
            if clock() - asked < CONFIRM_FOR:
                continue
            asked = clock()
            hosts = self.hosts()
            place = hosts.look() if hosts.can_be_asked else UNKNOWN
            LOG.warning(
                "The job has ended but the call has not returned for %d s; the guest is %s",
                asked - since,
                place,
                instance=self._instance,
            )
            if not hosts.can_be_asked:
                # Nobody but libvirt's statistics can say more.
                return None
            if place.startswith(("source-", "destination-")):
                return place
        return None
