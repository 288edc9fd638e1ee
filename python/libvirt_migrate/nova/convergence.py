"""How a migration is brought to its end: the policy, in Rust, decides, and this carries it out."""

from __future__ import annotations

from collections import deque
from typing import Any

from nova.conf import CONF
from oslo_log import log as logging

from libvirt_migrate import Convergence, ConvergencePolicy, MigrationError
from libvirt_migrate.codes import StateCode

from .operation import Operation

LOG = logging.getLogger(__name__)

#: The status that Nova gives a migration in post-copy.
POST_COPY_STATUS = "running (post-copy)"
#: libvirt's states of the guest at the source: paused for the last part of its migration, and in post-copy.
_SWITCHOVER = (StateCode.PAUSED, StateCode.PAUSED_MIGRATION)
_POST_COPY = (StateCode.PAUSED, StateCode.PAUSED_POSTCOPY)


class Conductor:
    """One migration's policy and what was done on its behalf."""

    def __init__(
        self,
        instance: Any,
        guest: Any,
        migration: Any,
        data_gb: float,
        flags: int,
        post_copy: bool,
        operation: Operation,
    ) -> None:
        self._instance, self._guest, self._migration = instance, guest, migration
        self._post_copy, self._operation = post_copy, operation
        self._policy = _policy(data_gb, flags, post_copy)
        self._downtime: float | None = None
        self._begun = False
        self._paused = False

    def observe(self, info: Any, elapsed: float, recover: deque[str]) -> None:
        """Looks at one sample, and does what the policy asks for. What is to be undone after a failure goes
        to `recover`.
        """
        if self._is_decided(recover):
            return
        decisions = []
        if not self._begun:
            # Only now there is a job that takes settings.
            self._begun = True
            decisions += self._policy.begin(elapsed)
        decisions += self._policy.observe(info.stats, elapsed, max_downtime=self._downtime)
        for decision in decisions:
            self._carry_out(decision, elapsed, recover)

    def _is_decided(self, recover: deque[str]) -> bool:
        """Whether the migration is past what a policy can do for it: an operator has forced it, it is in
        post-copy, or the guest has stopped here to start at the destination.
        """
        if self._in_post_copy() or ("unpause" in recover and not self._paused):
            return True
        return source_state(self._guest) in (_SWITCHOVER, _POST_COPY)

    def _in_post_copy(self) -> bool:
        return bool(self._migration.status == POST_COPY_STATUS)

    def _carry_out(self, decision: Any, elapsed: float, recover: deque[str]) -> None:
        LOG.info(
            "After %.1f s: %s: %s", elapsed, decision.description, decision.reason, instance=self._instance
        )
        try:
            self._do(decision, recover)
        except Exception as error:
            LOG.warning("%s was refused: %s", decision.description, error, instance=self._instance)
            self._policy.failed(decision, elapsed)
        else:
            self._policy.succeeded(decision)

    def _do(self, decision: Any, recover: deque[str]) -> None:
        if decision.action == "set-max-downtime":
            # Nova counts ms here.
            self._guest.migrate_configure_max_downtime(round(decision.max_downtime * 1000))
            self._downtime = decision.max_downtime
        elif decision.action == "abort":
            self._guest.abort_job()
            self._operation.abort_was_taken()
        elif decision.action == "start-post-copy" or (decision.action == "pause" and self._post_copy):
            # Nova forces a migration by post-copy wherever it is permitted.
            self._start_post_copy()
        elif decision.action == "pause":
            self._pause(recover)
        else:
            raise MigrationError(f"Nova's migration cannot {decision.description}")

    def _start_post_copy(self) -> None:
        if self._in_post_copy():
            return
        self._guest.migrate_start_postcopy()
        self._migration.status = POST_COPY_STATUS
        save(self._migration, self._instance)

    def _pause(self, recover: deque[str]) -> None:
        self._guest.pause()
        self._paused = True
        recover.append("unpause")


def source_state(guest: Any) -> tuple[int, int] | None:
    """libvirt's state of the guest here, and the reason for it; `None` where libvirt does not say."""
    try:
        state, reason = guest._domain.state()
        return int(state), int(reason)
    except Exception:
        return None


def save(record: Any, instance: Any) -> None:
    """Saves to the database. One that fails is no reason to lose sight of a guest that moves."""
    try:
        record.save()
    except Exception as error:
        LOG.warning("Saving the progress of the live migration failed: %s", error, instance=instance)


def _policy(data_gb: float, flags: int, post_copy: bool) -> ConvergencePolicy:
    """The policy that the options ask for."""
    return ConvergencePolicy(intent(data_gb, post_copy), flags)


def intent(data_gb: float, post_copy: bool) -> Convergence:
    """What the options want of a migration; `data_gb` is what Nova counts as the data to move."""
    options = CONF.libvirt
    action = options.live_migration_timeout_action
    if CONF.libvirt_migrate.policy == "schedule":
        return Convergence.schedule(
            max_downtime=options.live_migration_downtime / 1000,
            steps=options.live_migration_downtime_steps,
            delay=options.live_migration_downtime_delay,
            completion_timeout=options.live_migration_completion_timeout,
            timeout_action=action,
            post_copy=post_copy,
            data_gb=data_gb,
        )
    # Nova takes any downtime, QEMU no more than this.
    downtime = min(options.live_migration_downtime / 1000, 2000)
    deadline = int(options.live_migration_completion_timeout * data_gb)
    return Convergence(
        max_downtime=downtime,
        deadline=max(deadline, downtime) if deadline else None,
        post_copy=post_copy and CONF.libvirt_migrate.automatic_post_copy,
        on_deadline="force" if deadline and action == "force_complete" else "abort",
    )
