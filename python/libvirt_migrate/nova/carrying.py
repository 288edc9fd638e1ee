"""The engine's orders, carried out with Nova's own means, and what it is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from nova.compute import vm_states
from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from libvirt_migrate import Guest, MigrationCancelled, MigrationError
from libvirt_migrate._core import Engine, EngineOrder
from libvirt_migrate.codes import ErrorCode

from .convergence import POST_COPY_STATUS, intent, save, source_state
from .faults import Faults
from .looking import Look
from .operation import Operation
from .place import UNKNOWN, Hosts, location
from .progress import Reporter
from .threads import run_blocking
from .transport import learn

LOG = logging.getLogger(__name__)


class Carrying:
    """One migration: its engine, and everything of Nova's that it needs."""

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
        confirm_for: float,
    ) -> None:
        self._driver, self._instance, self._guest = driver, instance, guest
        self._recover, self._operation, self._faults = recover, operation, faults
        self._migration: Any = None
        self._reporter: Reporter | None = None
        self._post_copy = self._paused = self._learns = False
        #: The question to both hosts that is out.
        self._look: tuple[EngineOrder, Look] | None = None
        #: The last statistics of the job while it ran.
        self.last: Any = None
        #: Where the guest was found last, in `Hosts.look`'s words.
        self.place: str | None = None
        #: Hears of each step, by the name of what was done.
        self.decided: Callable[[str], object] | None = None
        with faults.told("The preparation of the report"):
            self._migration = migrate_data.migration
            self._reporter = Reporter(instance, self._migration)
        self._engine = Engine(confirm_for=confirm_for)
        with faults.told("The preparation of the policy"):
            flags = driver._get_migration_flags(migrate_data.block_migration)
            self._post_copy = self._may_post_copy(flags)
            data_gb = driver._live_migration_data_gb(instance, disk_paths)
            wanted = intent(data_gb, self._post_copy)
            self._engine = Engine(wanted, flags, confirm_for=confirm_for)

    def _may_post_copy(self, flags: int) -> bool:
        """Neither a paused guest nor persistent memory can be moved by post-copy."""
        if not self._driver._is_post_copy_enabled(flags) or self._driver._get_vpmems(self._instance):
            return False
        return bool(getattr(self._instance, "vm_state", None) != vm_states.PAUSED)

    def hosts(self) -> Hosts:
        """The two hosts. The destination is known once libvirt was asked to move the guest."""
        destination = getattr(self._guest, "migration_destination", None)
        return Hosts(self._instance, self._driver._uri(), destination)

    @property
    def end(self) -> tuple[str, str] | None:
        """The end, and the guest's place."""
        return self._engine.end

    def look(self) -> Any:
        """The job's statistics; `None` where they cannot be had just now, and the migration goes on."""
        try:
            return self._guest.get_job_info()
        except nova_guest.libvirt.libvirtError as error:
            self._faults.tell("The look at the job", error, traceback=False)
        except Exception as error:
            self._faults.tell("The look at the job", error)
        return None

    def turn(self, elapsed: float, info: Any) -> None:
        """One look: the operators' wishes, the engine's orders, the report."""
        running = info is not None and info.type == nova_guest.libvirt.VIR_DOMAIN_JOB_UNBOUNDED
        if info is not None and not _is_known(info.type):
            error = ValueError(f"job type {info.type} is not expected")
            self._faults.tell("The look at the job", error, traceback=False)
        if running:
            self.last = info
            if _has_looked(info):
                with self._faults.told("A task of the live migration"):
                    self._run_tasks()
        with self._faults.told("The policy"):
            self._tell_outside(elapsed)
            self._looked(elapsed)
            self._learns = self._learns or learn(self._engine, self._guest)
            self._engine.woken(elapsed)
            self._carry_out(elapsed, info)
        if running and self._reporter is not None:
            with self._faults.told("The report of the progress"):
                self._reporter.report(info, elapsed, paused="unpause" in self._recover)

    def _run_tasks(self) -> None:
        """Force-complete, which an operator has asked for meanwhile."""
        nova_migration.run_tasks(
            self._guest,
            self._instance,
            self._driver.active_migrations,
            self._recover,
            self._migration,
            self._post_copy,
        )

    def _tell_outside(self, elapsed: float) -> None:
        """What others have done."""
        if "unpause" in self._recover and not self._paused:
            self._engine.outside(elapsed, "paused")
        if self._in_post_copy():
            self._engine.outside(elapsed, "post-copy")
        if self._operation.aborted:
            self._engine.outside(elapsed, "aborted")

    def _in_post_copy(self) -> bool:
        return bool(self._migration is not None and self._migration.status == POST_COPY_STATUS)

    def call_over(self, elapsed: float) -> None:
        """Tells the engine what the call said, and asks both hosts where it wants that."""
        error, engine = self._operation.error(), self._engine
        with self._faults.told("The end"):
            self._tell_outside(elapsed)
        engine.set_destination(self.hosts().can_be_asked)
        if error is None:
            engine.called(elapsed)
        else:
            known = getattr(error, "guest_location", None)
            if known is None and not self.hosts().can_be_asked:
                # libvirt was never asked to move the guest.
                known = "source-running"
            engine.called(elapsed, _code(error), str(error), known)
        self._carry_out(elapsed, None, over=True)
        if engine.end is None and (wake_at := engine.wake_at) is not None:
            engine.woken(max(elapsed, wake_at))
            self._carry_out(wake_at, None, over=True)

    def _carry_out(self, elapsed: float, info: Any, over: bool = False) -> None:
        engine = self._engine
        if not over:
            # Asking takes long, and is for an end that does not come.
            engine.set_destination(self.hosts().can_be_asked)
        while (order := engine.poll_order()) is not None:
            if order.name == "sample":
                self._sampled(elapsed, order, info)
            elif order.name == "ask":
                self._asked(elapsed, order, over)
            elif order.name == "look":
                self._look = (order, Look(self.hosts()))
            else:
                self._changed(elapsed, order)
        while (step := engine.poll_step()) is not None:
            if self.decided is not None:
                self.decided(step.action)
            text = f"{step.description}: {step.reason}"
            if step.error is None:
                LOG.info("After %.1f s: %s", step.at, text, instance=self._instance)
            else:
                LOG.warning(
                    "After %.1f s: %s was refused: %s", step.at, text, step.error, instance=self._instance
                )

    def _sampled(self, elapsed: float, order: EngineOrder, info: Any) -> None:
        stats, state, gone = None, None, False
        try:
            state = source_state(self._guest)
            if info is not None:
                gone = bool(getattr(info, "gone", False))
                stats = None if gone else {**(getattr(info, "stats", None) or {}), "type": info.type}
        finally:
            # An order without an answer would be the last one.
            self._engine.sampled(elapsed, order, stats, state, gone=gone)

    def _asked(self, elapsed: float, order: EngineOrder, over: bool) -> None:
        place = UNKNOWN
        try:
            hosts = self.hosts()
            place = self.place = hosts.find() if over else hosts.look()
        finally:
            self._engine.located(elapsed, order, location(place))
        if not over:
            LOG.warning(
                "The job has ended but the call has not returned; the guest is %s",
                place,
                instance=self._instance,
            )

    def _looked(self, elapsed: float) -> None:
        """Tells the engine what both hosts have said meanwhile."""
        if self._look is not None and (answers := self._look[1].answers()) is not None:
            order, self._look = self._look[0], None
            self._engine.looked(elapsed, order, *answers)

    def _changed(self, elapsed: float, order: EngineOrder) -> None:
        try:
            self._change(order)
        except Exception as error:
            self._engine.changed(elapsed, order, _code(error), str(error))
        else:
            self._engine.changed(elapsed, order)

    def _change(self, order: EngineOrder) -> None:
        if order.name == "set-max-downtime":
            self._guest.migrate_configure_max_downtime(round((order.max_downtime or 0) * 1000))
        elif order.name == "abort":
            self._guest.abort_job()
            self._operation.abort_was_taken()
        elif order.name == "start-post-copy" or (order.name == "pause" and self._post_copy):
            # Nova forces a migration by post-copy wherever it is permitted.
            self._start_post_copy()
        elif order.name in ("pause", "hold"):
            self._guest.pause()
            self._paused = True
            self._recover.append("unpause")
        elif order.name == "resume":
            self._guest.resume()
            self._paused = False
            self._recover.remove("unpause")
        elif order.name == "finish-abort":
            run_blocking(Guest(self._guest._domain).finish_abort)
        else:
            raise MigrationError(f"Nova's migration cannot {order.name}")

    def _start_post_copy(self) -> None:
        if not self._in_post_copy():
            self._guest.migrate_start_postcopy()
            self._migration.status = POST_COPY_STATUS
            save(self._migration, self._instance)


def _is_known(kind: int) -> bool:
    """Whether it is a type that the job of a migration has."""
    libvirt = nova_guest.libvirt
    return kind in (
        libvirt.VIR_DOMAIN_JOB_NONE,
        libvirt.VIR_DOMAIN_JOB_UNBOUNDED,
        libvirt.VIR_DOMAIN_JOB_COMPLETED,
        libvirt.VIR_DOMAIN_JOB_FAILED,
        libvirt.VIR_DOMAIN_JOB_CANCELLED,
    )


def _has_looked(info: Any) -> bool:
    """Whether libvirt has looked whether the guest runs: one that is paused before is moved as a paused one.

    It has where anything moves; before, libvirt tells of no bytes. Where they are not told it is not known.
    """
    stats = getattr(info, "stats", None) or {}
    return "memory_total" not in stats or bool(info.memory_total or info.disk_total)


def _code(error: BaseException) -> int:
    """libvirt's number of an error; of one that has none, that the operation failed."""
    if isinstance(error, MigrationCancelled):
        return int(ErrorCode.OPERATION_ABORTED)
    get_error_code = getattr(error, "get_error_code", None)
    code = get_error_code() if callable(get_error_code) else getattr(error, "code", None)
    return code if isinstance(code, int) else int(ErrorCode.OPERATION_FAILED)
