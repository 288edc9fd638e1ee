"""A nova-compute that is started again takes over the live migrations that it left: what Nova calls for that.

An instance that is found migrating is withheld from Nova's own start-up, which would abort its job, or start
it a second time where it has moved. Since 34 Nova asks the driver which instances it is to look at; before,
the manager's method that looks at one is overridden.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.compute import task_states
from nova.conf import CONF
from nova.virt.libvirt import driver as nova_driver
from oslo_log import log as logging

from . import call as calls
from . import metrics, release
from .adopting import Left
from .keeper import store
from .originals import original
from .rebuilt import migration_of

LOG = logging.getLogger(__name__)

#: Between two looks at whether nova-compute is ready, s.
PAUSE = 0.5


def init_host(self: Any, host: Any) -> None:
    """`init_host`: the driver's own, and then everything that only a journal tells of."""
    original(nova_driver.LibvirtDriver, "init_host")(self, host)
    # Only here: a service that is started with threads forks before.
    metrics.serve()
    if not CONF.libvirt_migrate.take_over:
        return
    try:
        kept = store().instances()
    except Exception:
        LOG.exception("The journals of live migrations cannot be looked for; nova-compute starts without")
        return
    if kept:
        _apart(_take_over_rest, self, kept)


def process_instances_at_startup(self: Any, context: Any, instances: Any) -> Any:
    """`process_instances_at_startup`, of Nova 34: without the instances that are taken over."""
    found = original(nova_driver.LibvirtDriver, "process_instances_at_startup")(self, context, instances)
    if not any(_is_left(instance) for instance in found):
        return found
    rest = [instance for instance in found if not withhold(self, context, instance)]
    return objects.InstanceList(context, objects=rest)


def init_instance(self: Any, context: Any, instance: Any) -> None:
    """`ComputeManager._init_instance`, before Nova 34: nothing for an instance that is taken over.

    Not only `_reset_live_migration`, which it calls: what follows that starts a guest that is not on this
    host any more, where `resume_guests_state_on_host_boot` is set.
    """
    if instance.host == self.host and withhold(self.driver, context, instance):
        return
    from nova.compute import manager

    original(manager.ComputeManager, "_init_instance")(self, context, instance)


def _is_left(instance: Any) -> bool:
    return bool(instance.task_state == task_states.MIGRATING)


def withhold(driver: Any, context: Any, instance: Any) -> bool:
    """Whether the instance is taken over, which begins as soon as nova-compute is ready.

    From here on Nova's API finds the migration: an abort or a force-complete may arrive before.
    """
    if not CONF.libvirt_migrate.take_over or not _is_left(instance):
        return False
    try:
        if not _was_moved(context, instance):
            return False
    except Exception:
        LOG.exception("Whether a live migration was left is not known; it is looked for", instance=instance)
    LOG.info("Found a live migration that was left; it is taken over", instance=instance)
    driver.active_migrations[instance.uuid] = deque()
    _apart(_take_over, driver, instance.uuid, calls.claim(instance.uuid))
    return True


def _was_moved(context: Any, instance: Any) -> bool:
    """Whether libvirt may have been asked to move it. Before that, the order for it may still be in Nova's
    queue, and the guest is here.
    """
    if instance.uuid in store().instances():
        return True
    migration = migration_of(context, instance)
    return migration is not None and migration.status.startswith("running")


def _apart(function: Any, *arguments: Any) -> None:
    """Runs it in a thread, a green one where Nova has those."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _wait_until_ready(driver: Any) -> Any:
    """The manager, once it knows its own resources; allocations are changed by them."""
    compute = driver.virtapi._compute
    while not compute.rt.compute_nodes:
        time.sleep(PAUSE)
    return compute


def _take_over(driver: Any, uuid: str, claim: calls.Call) -> None:
    try:
        compute = _wait_until_ready(driver)
        Left(driver, compute, nova_context.get_admin_context(), uuid, claim).see_to()
    except Exception:
        LOG.exception("The live migration could not be taken over", instance_uuid=uuid)


def _take_over_rest(driver: Any, kept: list[str]) -> None:
    """The journals of instances that Nova's start-up did not come by: of another host by now, or at rest."""
    _wait_until_ready(driver)
    for uuid in kept:
        # Not where one has been claimed at the start, or has begun since.
        if calls.of_uuid(uuid) is None and uuid in store().instances():
            _take_over(driver, uuid, calls.claim(uuid))


def seams() -> tuple[tuple[Any, str, Any], ...]:
    """What of Nova's is replaced: owner, name, replacement."""
    driver = nova_driver.LibvirtDriver
    always = (driver, "init_host", init_host)
    if release.major() >= 34:
        return (always, (driver, "process_instances_at_startup", process_instances_at_startup))
    # Only here: it is much, and Nova has it by now.
    from nova.compute import manager

    return (always, (manager.ComputeManager, "_init_instance", init_instance))
