"""Nova's steps at the end of a live migration that was left, with what the journal, or Nova, tells."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any

from nova.compute import vm_states
from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration
from oslo_log import log as logging

from . import call as calls
from . import ends
from .convergence import source_state
from .following import follow
from .keeper import Keeper, restore
from .monitor import live_migration_monitor
from .outcome import GuestLost
from .rebuilt import rebuild
from .verdict import Act, Phase

LOG = logging.getLogger(__name__)


class Steps:
    """The steps of one migration, whose guest's place is known."""

    def __init__(
        self, driver: Any, compute: Any, context: Any, instance: Any, migration: Any, keeper: Keeper
    ) -> None:
        self._driver, self._compute, self._context = driver, compute, context
        self._instance, self._migration, self._keeper = instance, migration, keeper
        self._journal = keeper.journal

    def take(self, act: Act) -> None:
        """Takes them: STEER, COMPLETE or ROLL_BACK. Raises GuestLost where the end does not say where the
        guest is, and errors of Nova's steps.
        """
        journal, instance, context = self._journal, self._instance, self._context
        ends.ready(instance, journal.vm_state if journal is not None else None)
        if self._migration is None:
            if act is not Act.ROLL_BACK:
                raise GuestLost("known to move, but Nova has no record of a migration", None)
            self._release()
            return
        dest = self._migration.dest_compute if journal is None else journal.destination
        if journal is not None:
            data, devices = restore(context, journal, self._migration)
            whole, block_migration = True, journal.block_migration
        else:
            data, devices, whole = rebuild(self._compute, context, instance, self._migration)
            block_migration = data.block_migration
        post = functools.partial(getattr(self._compute, ends.post_steps(self._compute)), source_bdms=devices)
        recover: Any = functools.partial(self._compute._rollback_live_migration, source_bdms=devices)
        if not whole:
            recover = self._release
        if act is Act.COMPLETE:
            self._keeper.change(phase=Phase.POST)
            post(context, instance, dest, block_migration, data)
        elif act is Act.ROLL_BACK:
            self._roll_back(recover, dest, data)
        else:
            self._steer(post, recover, dest, block_migration, data)

    def _release(self, *_: Any, **__: Any) -> None:
        ends.release(self._compute, self._context, self._instance, self._migration)

    def _roll_back(self, recover: Any, dest: str, data: Any) -> None:
        journal, call = self._journal, calls.of(self._instance)
        status = journal.status if journal is not None else "failed"
        if (journal is not None and journal.aborted) or (call is not None and call.aborted):
            status = "cancelled"
        self._keeper.change(phase=Phase.ROLLBACK, status=status)
        guest = self._driver._host.get_guest(self._instance)
        if self._was_paused(guest):
            tasks = deque(["unpause"])
            nova_migration.run_recover_tasks(self._driver._host, guest, self._instance, tasks)
        recover(self._context, self._instance, dest, data, migration_status=status)

    def _was_paused(self, guest: Any) -> bool:
        """Whether force-complete has paused it: Nova's API pauses no instance that migrates."""
        libvirt = nova_guest.libvirt
        paused = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER)
        return self._instance.vm_state == vm_states.ACTIVE and source_state(guest) == paused

    def _steer(self, post: Any, recover: Any, dest: str, block_migration: bool, data: Any) -> None:
        driver, instance, context = self._driver, self._instance, self._context
        guest = driver._host.get_guest(instance)
        guest.migration_destination = self._uri(dest)
        paths = (
            driver._live_migration_copy_disk_paths(context, instance, guest)[0]
            if data.block_migration
            else []
        )
        before = calls.of(instance)
        # An abort and a force-complete find it there.
        driver.active_migrations.setdefault(instance.uuid, deque())
        with calls.following(instance) as call:
            call.keeper = self._keeper
            call.aborted = bool(
                (before is not None and before.aborted)
                or (self._journal is not None and self._journal.aborted)
            )
            follow(call, instance.uuid, driver._uri(), guest.migration_destination)
            live_migration_monitor(
                driver,
                context,
                instance,
                guest,
                dest,
                post,
                recover,
                block_migration,
                data,
                None,
                paths,
                paused=self._was_paused(guest),
            )

    def _uri(self, dest: str) -> str:
        if self._journal is not None:
            return self._journal.uri
        return str(self._driver._live_migration_uri(dest))
