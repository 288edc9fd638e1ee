"""`LibvirtDriver._live_migration_monitor`: watches a migration to its end and tells Nova how it ended.

The call itself runs beside it, in a thread of Nova's. What is decided, in between and at the end, the engine
in Rust decides; its orders are carried out with Nova's own means.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from . import call as calls
from .carrying import Carrying
from .faults import Faults
from .keeper import phase_of
from .metrics import counted
from .operation import Operation
from .outcome import GuestLost, Outcome, after_call, by_statistics
from .progress import figures
from .verdict import Phase

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
    paused: bool = False,
) -> None:
    """Steers a running migration, and calls `post_method` or `recover_method` once, when it is over.
    `paused`: the guest was paused before, to get the migration over.

    Raises GuestLost, and calls neither, where nobody can say on which host the guest is.
    """
    faults, recover = Faults(instance), deque[str](["unpause"] if paused else [])
    call = calls.of(instance)
    operation = Operation(future, call, faults)
    try:
        with counted() as counting:
            carrying = Carrying(
                self, instance, guest, migrate_data, disk_paths, recover, operation, faults, CONFIRM_FOR
            )
            carrying.decided = counting.decided
            watch = _Watch(instance, guest, operation, carrying, faults)
            outcome = watch.told()
            counting.over(outcome, watch.elapsed, carrying.last)
        if outcome is Outcome.COMPLETED:
            phase_of(call, Phase.POST)
            post_method(context, instance, dest, block_migration, migrate_data)
            return
        phase_of(call, Phase.ROLLBACK, status=outcome.value)
        nova_migration.run_recover_tasks(self._host, guest, instance, recover)
        status = {"migration_status": "cancelled"} if outcome is Outcome.CANCELLED else {}
        recover_method(context, instance, dest, migrate_data, **status)
    finally:
        self._clear_empty_migration(instance)


class _Watch:
    """Drives the engine of one migration until it has an end. What fails here ends nothing."""

    def __init__(
        self, instance: Any, guest: Any, operation: Operation, carrying: Carrying, faults: Faults
    ) -> None:
        self._instance, self._guest = instance, guest
        self._operation, self._carrying, self._faults = operation, carrying, faults
        #: Since the start, s.
        self.elapsed = 0.0

    def told(self) -> Outcome:
        """Watches to the end and tells it."""
        try:
            outcome = self._run()
        except GuestLost as lost:
            LOG.error("Migration operation has ended %s: %s", self._after(), lost, instance=self._instance)
            raise
        log = LOG.info if outcome is Outcome.COMPLETED else LOG.warning
        log("Migration operation has %s %s", outcome.value, self._after(), instance=self._instance)
        return outcome

    def _after(self) -> str:
        after = f"after {self.elapsed:.1f} s"
        with self._faults.told("The report of the end"):
            last = self._carrying.last
            after += f" ({figures(last)})" if last is not None else ""
        return after

    def _run(self) -> Outcome:
        start, carrying = clock(), self._carrying
        while True:
            # Before the look, or a job could begin and end between the two.
            over = self._operation.done()
            info = carrying.look()
            self.elapsed = max(self.elapsed, clock() - start)
            carrying.turn(self.elapsed, info)
            if carrying.end is not None:
                return self._outcome()
            if over or self._operation.done():
                return self._over(info)
            self._operation.wait(QUICK if self.elapsed < QUICK_FOR else SLOW)

    def _over(self, info: Any) -> Outcome:
        """The call is over. Where nobody knows what it said, Nova's way decides."""
        if not self._operation.succeeded and self._operation.error() is None:
            return by_statistics(info, self._guest)
        self._carrying.call_over(self.elapsed)
        return self._outcome()

    def _outcome(self) -> Outcome:
        return after_call(self._carrying.end, self._carrying.place, self._operation.error())
