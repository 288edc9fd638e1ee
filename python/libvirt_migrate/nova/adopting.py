"""One live migration that nova-compute left: looks where the guest is, and does what is to be done."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any

from nova import exception, objects
from nova.compute import task_states
from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

from . import call as calls
from . import ends, release
from .journal import BadJournal, Journal
from .keeper import Keeper, store
from .outcome import GuestLost
from .place import UNKNOWN, Hosts
from .rebuilt import migration_of
from .steps import Steps
from .verdict import Act, Record, Spot, spot, verdict

LOG = logging.getLogger(__name__)

#: How long both hosts are asked before the instance goes to ERROR, s; they are asked after that, too.
PATIENCE = 120.0
#: Between two questions, s: at first, and once the instance is in ERROR.
PAUSE, LONG_PAUSE = 2.0, 30.0
#: How often in a row both hosts have to say what a rollback, or ERROR, is decided by: a job may be about to
#: begin, and a guest about to be found.
TIMES = 3
#: What is loaded with an instance, as Nova's own start-up does.
_ATTRIBUTES = ["info_cache", "metadata", "system_metadata", "numa_topology", "flavor"]


class Left:
    """One migration that was left; `claim` is its place among the calls that are followed."""

    def __init__(self, driver: Any, compute: Any, context: Any, uuid: str, claim: calls.Call) -> None:
        self._driver, self._compute, self._context, self._uuid = driver, compute, context, uuid
        self._claim = claim
        self._journal: Journal | None = None
        self._instance: Any = None
        self._migration: Any = None
        self._told_error = False
        #: The fault that was logged last.
        self._told: str | None = None

    def see_to(self) -> None:
        """Ends it, however long that takes. An instance that nobody knows is forgotten."""
        self._journal = self._read()
        began, before, times = monotonic(), None, 0
        # Where Nova moves the instance anew, that is another migration.
        while calls.of_uuid(self._uuid) is self._claim:
            act, reason = self._judged()
            times = times + 1 if act is before else 1
            before = act
            if act in (Act.ASK, Act.LEAVE):
                waited = monotonic() - began > PATIENCE
                if waited or (act is Act.LEAVE and times >= TIMES):
                    self._tell(reason)
            elif act is not Act.ROLL_BACK or times >= TIMES:
                if self._done(act):
                    return
                before = None
            sleep(LONG_PAUSE if self._told_error else PAUSE)

    def _read(self) -> Journal | None:
        try:
            return store().read(self._uuid, release.version())
        except BadJournal as error:
            LOG.warning("The journal of the live migration is not used: %s", error, instance_uuid=self._uuid)
            return None

    def _judged(self) -> tuple[Act, str]:
        """What is to be done, and in which situation."""
        try:
            record, over = self._recorded()
            place, where = UNKNOWN, Spot.UNSETTLED
            if record is not Record.AWAY:
                place, where = self._found()
        except Exception as error:
            # The database or a daemon may be away for long.
            reason = f"nobody can be asked: {type(error).__name__}: {error}"
            if reason != self._told:
                self._told = reason
                LOG.warning("The live migration that was left: %s", reason, instance_uuid=self._uuid)
            return Act.ASK, reason
        phase = self._journal.phase if self._journal is not None else None
        return verdict(phase, record, over, where), f"the guest is {place}"

    def _recorded(self) -> tuple[Record, bool]:
        """What the database says of the instance, and whether it has an end of the migration."""
        journal = self._journal
        try:
            instance = objects.Instance.get_by_uuid(self._context, self._uuid, expected_attrs=_ATTRIBUTES)
        except exception.InstanceNotFound:
            return Record.AWAY, True
        self._instance = instance
        if journal is not None:
            self._migration = objects.Migration.get_by_id(self._context, journal.migration)
        else:
            self._migration = migration_of(self._context, instance)
        over = self._migration is None or self._migration.status in ends.STATUSES
        if journal is not None and instance.host == journal.destination:
            return Record.ARRIVED, over
        if instance.host != self._compute.host:
            return Record.AWAY, over
        if instance.task_state == task_states.MIGRATING:
            return Record.MIGRATING, over
        return (Record.RESTS if instance.task_state is None else Record.AWAY), over

    def _uri(self) -> str | None:
        if self._journal is not None:
            return self._journal.uri
        if self._migration is None:
            return None
        return str(self._driver._live_migration_uri(self._migration.dest_compute))

    def _found(self) -> tuple[str, Spot]:
        """Where the guest is."""
        here, job = self._here()
        place = Hosts(self._instance, self._driver._uri(), self._uri()).look()
        if place == UNKNOWN and self._uri() is None and here:
            # No record of a migration: Nova never had libvirt move it.
            place = "source-running"
        return place, spot(place, here, job)

    def _here(self) -> tuple[bool, bool]:
        """Whether this host knows the guest, and runs a migration of it."""
        try:
            guest = self._driver._host.get_guest(self._instance)
        except exception.InstanceNotFound:
            return False, False
        info = guest.get_job_info()
        libvirt = nova_guest.libvirt
        moves = libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
        stats = getattr(info, "stats", None) or {}
        runs = info.type in (libvirt.VIR_DOMAIN_JOB_BOUNDED, libvirt.VIR_DOMAIN_JOB_UNBOUNDED)
        return True, runs and stats.get("operation", moves) == moves

    def _tell(self, reason: str) -> None:
        """Puts the instance into ERROR, once. It stays migrating, so that Nova's API refuses a hard reboot,
        which could start the guest a second time.
        """
        if self._told_error or self._instance is None:
            return
        self._told_error = True
        LOG.error(
            "The live migration that was left cannot be ended now, and nothing is touched: %s. Both hosts "
            "are asked on",
            reason,
            instance=self._instance,
        )
        try:
            ends.put_into_error(self._context, self._instance, reason)
        except Exception as error:
            self._told_error = False
            LOG.warning("The instance cannot be put into ERROR: %s", error, instance=self._instance)

    def _done(self, act: Act) -> bool:
        """Does it; whether that was the end."""
        if act is not Act.FORGET:
            LOG.info("The live migration that was left: %s", act.value, instance=self._instance)
        try:
            if act in (Act.STEER, Act.COMPLETE, Act.ROLL_BACK):
                keeper = Keeper(self._instance, self._journal)
                Steps(
                    self._driver, self._compute, self._context, self._instance, self._migration, keeper
                ).take(act)
            elif act is Act.RECORD_POST:
                ends.record_move(self._compute, self._context, self._instance, self._migration)
            elif act is Act.RECORD_ROLLBACK and self._journal is not None:
                self._migration.status = self._journal.status
                self._migration.save()
        except (GuestLost, exception.InstanceNotFound) as error:
            LOG.warning("The live migration that was left: %s", error, instance=self._instance)
            self._claim = calls.claim(self._uuid)
            return False
        except Exception as error:
            LOG.exception("The steps at the end of the live migration failed", instance=self._instance)
            try:
                ends.record_failure(self._context, self._instance, self._migration, error)
                if self._migration is not None and self._instance.host != self._compute.host:
                    ends.free_source(self._driver, self._context, self._instance, self._migration)
            except Exception as again:
                # The database is away: all of it once more.
                LOG.warning("That cannot be recorded: %s", again, instance=self._instance)
                return False
        self._forget()
        return True

    def _forget(self) -> None:
        if calls.of_uuid(self._uuid) not in (self._claim, None):
            return
        self._driver.active_migrations.pop(self._uuid, None)
        calls.release(self._uuid)
        store().remove(self._uuid)
