"""One live migration by Nova's real libvirt driver, in a process of its own: run by test_driver.py and the
bench.

    python -m nova_tests.lab.drive '{"driver": "libvirt_migrate.LibvirtDriver", "uuid": …, "source": URI,
    "address": …}'

Instance, migration and migrate_data are real Nova objects that are not saved anywhere. What happened is
printed as JSON on the last line.
"""

from __future__ import annotations

import faulthandler
import inspect
import json
import os
import sys
import threading
import time
import traceback
from typing import Any

# Before anything else, as Nova's own commands do it; OS_NOVA_DISABLE_EVENTLET_PATCHING says which.
from nova import monkey_patch

# Nova 31 and older have done it by now; there is no other way there.
if hasattr(monkey_patch, "patch"):
    monkey_patch.patch(
        *(["threading"] if "backend" in inspect.signature(monkey_patch.patch).parameters else [])
    )

from nova import context as nova_context
from nova import objects
from nova.compute import vm_states
from nova.conf import CONF
from nova.virt import driver as virt_driver
from oslo_log import log as logging


def is_patched() -> bool:
    """Whether eventlet stands in for threads."""
    if hasattr(monkey_patch, "is_patched"):
        return bool(monkey_patch.is_patched())
    import eventlet

    return bool(eventlet.patcher.is_monkey_patched("thread"))


class Told:
    """What the driver told: which of its two methods it called, when, and what it saved."""

    def __init__(self) -> None:
        self.start = time.time()
        self.calls: list[dict[str, Any]] = []
        self.saves = 0

    def post(self, *arguments: Any, **keywords: Any) -> None:
        """Nova's `post_method`."""
        self.calls.append({"method": "post", "at": time.time() - self.start})

    def recover(self, *arguments: Any, migration_status: str | None = None, **keywords: Any) -> None:
        """Nova's `recover_method`."""
        self.calls.append({"method": "recover", "at": time.time() - self.start, "status": migration_status})

    def save(self, *arguments: Any, **keywords: Any) -> None:
        """In place of the database."""
        self.saves += 1


def make_driver(order: dict[str, Any]) -> Any:
    """Nova's driver for the source host, loaded as nova-compute loads it."""
    CONF([], project="nova")
    CONF.set_override("connection_uri", order["source"], "libvirt")
    CONF.set_override("live_migration_uri", "qemu+tcp://%s/system", "libvirt")
    CONF.set_override("virt_type", "qemu", "libvirt")
    CONF.set_override("compute_driver", order["driver"])
    driver = virt_driver.load_compute_driver(None)
    for name, value in order.get("options", {}).items():
        group, _, option = name.rpartition(".")
        CONF.set_override(option, value, group or None)
    driver._host.initialize()
    driver._parse_migration_flags()
    return driver


def make_records(order: dict[str, Any], told: Told) -> tuple[Any, Any, Any]:
    """The context, the instance and the migrate_data of one guest."""
    context = nova_context.RequestContext("user", "project", is_admin=True)
    objects.register_all()
    objects.Instance.save = told.save
    objects.Migration.save = told.save
    flavor = objects.Flavor(id=1, name="lab", memory_mb=order["memory"], vcpus=1, root_gb=0, extra_specs={})
    instance = objects.Instance(context, id=1, uuid=order["uuid"], host="host1", flavor=flavor)
    instance.vm_state, instance.resources, instance.migration_context = vm_states.ACTIVE, None, None
    migration = objects.Migration(context=context, id=1, uuid=order["uuid"], status="running")
    data = objects.LibvirtLiveMigrateData(
        migration=migration,
        block_migration=False,
        bdms=[],
        graphics_listen_addr_vnc=order["address"],
        graphics_listen_addr_spice=order["address"],
        serial_listen_addr=None,
        serial_listen_ports=[],
        target_connect_addr=order["address"],
    )
    return context, instance, data


def abort_when_running(driver: Any, instance: Any) -> None:
    """As the API's abort does it, once there is a job: nova-compute calls the driver from another thread."""
    guest = driver._host.get_guest(instance)
    while guest.get_job_info().memory_processed == 0:
        time.sleep(0.05)
    driver.live_migration_abort(instance)


def fail_at_the_end() -> None:
    """Has the call fail once the guest has moved, as it does where the connection breaks then."""
    from nova.virt.libvirt import guest as nova_guest

    from libvirt_migrate import MigrationFailed

    migrate = nova_guest.Guest.migrate

    def fails(*arguments: Any, **keywords: Any) -> None:
        migrate(*arguments, **keywords)
        # VIR_ERR_INTERNAL_ERROR of VIR_FROM_RPC.
        raise MigrationFailed((1, 7, "client socket is closed", 2, None, None, None, -1, -1), "unknown")

    nova_guest.Guest.migrate = fails


def main() -> None:
    """Migrates, and prints what happened."""
    order = json.loads(sys.argv[1])
    # A drive that hangs says where.
    faulthandler.dump_traceback_later(order.get("timeout", 60), exit=True)
    logging.register_options(CONF)
    told = Told()
    driver = make_driver(order)
    if order.get("log"):
        logging.setup(CONF, "nova")
    context, instance, data = make_records(order, told)
    error = None
    if order.get("fail_at_the_end"):
        fail_at_the_end()
    if order.get("abort"):
        threading.Thread(target=abort_when_running, args=(driver, instance), daemon=True).start()
    told.start = time.time()
    try:
        driver._live_migration(context, instance, order["address"], told.post, told.recover, False, data)
        if "then" in order:
            # Another guest, by what the process knows now.
            context, instance, data = make_records(order | {"uuid": order["then"]}, told)
            driver._live_migration(context, instance, order["address"], told.post, told.recover, False, data)
    except Exception:
        error = traceback.format_exc()
    result = {
        "calls": told.calls,
        "elapsed": time.time() - told.start,
        "saves": told.saves,
        "error": error,
        "status": data.migration.status,
        "active": list(driver.active_migrations),
        "patched": is_patched(),
        "domain": type(driver._host.get_connection()).__module__,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
    # Nova's event threads would keep the process for ever, as they are meant to.
    os._exit(0)
