"""Whether this Nova is one that the overrides fit: by signatures, not only by names.

Looked at is what is replaced, what the replacements call, and that Nova's own code still calls what is
replaced. A Nova that was patched or half upgraded shows here, before anything is changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from nova.conf import CONF
from nova.objects import migrate_data, resource
from nova.objects import migration as migration_object
from nova.storage import rbd_utils
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import driver as nova_driver
from nova.virt.libvirt import guest as nova_guest
from nova.virt.libvirt import migration as nova_migration

from . import ends, release

#: Parameters that a release names otherwise; Nova gives them by position.
_RENAMED = {"finish_event": "future"}
#: What the options are read as.
OPTIONS = (
    "live_migration_downtime",
    "live_migration_downtime_steps",
    "live_migration_downtime_delay",
    "live_migration_completion_timeout",
    "live_migration_timeout_action",
    "live_migration_permit_post_copy",
    "live_migration_permit_auto_converge",
    "live_migration_bandwidth",
)


def misfits(replaced: Iterable[tuple[Any, str, Any]]) -> list[str]:
    """What does not fit, a line each; `replaced` are owner, name and replacement."""
    found = [problem for entry in replaced for problem in _replaceable(*entry)]
    found += [problem for owner, name, arguments in _used() for problem in _callable(owner, name, arguments)]
    found += [problem for owner, name, called in _callers() for problem in _calls(owner, name, called)]
    found += [f"nova.conf has no [libvirt]/{name}" for name in OPTIONS if name not in CONF.libvirt]
    return found


def _dotted(owner: Any, name: str) -> str:
    module = getattr(owner, "__module__", None)
    return f"{module}.{owner.__name__}.{name}" if module else f"{owner.__name__}.{name}"


def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _replaceable(owner: Any, name: str, replacement: Any) -> list[str]:
    """Nova may call the replacement as it calls its own."""
    if not hasattr(owner, name):
        return [f"there is no {_dotted(owner, name)}"]
    if inspect.isclass(replacement):
        return []
    theirs, ours = _signature(getattr(owner, name)), _signature(replacement)
    if theirs is None or ours is None:
        return [f"{_dotted(owner, name)} is no function"]
    given = [_RENAMED.get(parameter, parameter) for parameter in theirs.parameters]
    taken = list(ours.parameters.values())
    rest = taken[len(given) :]
    same = given == [parameter.name for parameter in taken[: len(given)]]
    if same and all(parameter.default is not parameter.empty for parameter in rest):
        return []
    return [f"{_dotted(owner, name)} takes {theirs}, and {ours} is known"]


def _used() -> list[tuple[Any, str, tuple[Any, ...] | None]]:
    """What is called, with as many arguments as it gets; `None` where it is only read."""
    driver, guest, migration = nova_driver.LibvirtDriver, nova_guest.Guest, nova_migration
    volume = (None,) * (3 if release.major() >= 34 else 4)
    used: list[tuple[Any, str, tuple[Any, ...] | None]] = [
        (driver, "_get_migration_flags", (None, False)),
        (driver, "_is_post_copy_enabled", (None, 0)),
        (driver, "_get_vpmems", (None, None)),
        (driver, "_live_migration_data_gb", (None, None, [])),
        (driver, "_clear_empty_migration", (None, None)),
        (driver, "_get_volume_config", volume),
        (driver, "_uri", ()),
        (driver, "_live_migration_uri", ("host",)),
        (driver, "_live_migration_copy_disk_paths", (None,) * 4),
        (guest, "get_xml_desc", (None,)),
        (guest, "is_active", (None,)),
        (guest, "pause", (None,)),
        (guest, "abort_job", (None,)),
        (guest, "migrate_start_postcopy", (None,)),
        (guest, "migrate_configure_max_downtime", (None, 0)),
        (nova_guest.JobInfo, "_get_job_stats_compat", (None,)),
        (nova_guest.JobInfo, "_have_job_stats", None),
        (migration, "run_tasks", (None,) * 6),
        (migration, "run_recover_tasks", (None,) * 4),
        (migration, "save_stats", (None,) * 4),
        (migrate_data, "LibvirtLiveMigrateData", None),
        (resource, "LibvirtVPMEMDevice", None),
        (migrate_data.VIFMigrateData, "get_dest_vif", (None,)),
        (migrate_data.LibvirtLiveMigrateBDMInfo, "as_disk_info", (None,)),
        (vconfig, "LibvirtConfigGuestDiskEncryption", None),
        (vconfig, "LibvirtConfigGuestDiskEncryptionSecret", None),
    ]
    used += _used_at_start_up()
    if release.major() >= 34:
        used.append((rbd_utils.RBDDriver, "get_mon_addrs", (None,)))
    return used


def _used_at_start_up() -> list[tuple[Any, str, tuple[Any, ...] | None]]:
    """What takes over a migration that was left."""
    # Only here: it is much, and nova-compute has it by now.
    from nova.compute import manager
    from nova.compute import utils as compute_utils

    compute = manager.ComputeManager
    return [
        (compute, ends.post_steps(compute), (None,) * 7),
        (compute, "_rollback_live_migration", (None,) * 7),
        (compute, "_reset_live_migration", (None,) * 3),
        (compute, "_revert_allocation", (None,) * 4),
        (compute, "_delete_allocation_after_move", (None,) * 4),
        (compute, "_is_instance_storage_shared", (None,) * 4),
        (compute, "update_available_resource", (None,) * 2),
        (compute_utils, "add_instance_fault_from_exc", (None,) * 4),
        (migration_object.MigrationList, "get_in_progress_by_instance", (None,) * 3),
        (migrate_data.LibvirtLiveMigrateData, "obj_from_primitive", ({}, None)),
    ]


def _callable(owner: Any, name: str, arguments: tuple[Any, ...] | None) -> list[str]:
    if not hasattr(owner, name):
        return [f"there is no {_dotted(owner, name)}"]
    if arguments is None:
        return []
    signature = _signature(getattr(owner, name))
    try:
        if signature is not None:
            signature.bind(*arguments)
    except TypeError:
        return [f"{_dotted(owner, name)} takes {signature}, and {len(arguments)} arguments are known"]
    return []


def _callers() -> list[tuple[Any, str, str]]:
    """Who calls what is replaced: without them the replacement would do nothing."""
    driver = nova_driver.LibvirtDriver
    return [
        *_callers_at_start_up(),
        (driver, "live_migration", "_live_migration"),
        (driver, "_live_migration", "_live_migration_operation"),
        (driver, "_live_migration", "_live_migration_monitor"),
        (driver, "_live_migration_operation", "get_updated_guest_xml"),
        (driver, "_live_migration_operation", "migrate"),
    ]


def _callers_at_start_up() -> list[tuple[Any, str, str]]:
    from nova.compute import manager

    hook = "process_instances_at_startup" if release.major() >= 34 else "_init_instance"
    return [(manager.ComputeManager, "init_host", called) for called in ("init_host", hook)]


def _calls(owner: Any, name: str, called: str) -> list[str]:
    function: Callable[..., Any] | None = getattr(owner, name, None)
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    if code is None or called in code.co_names:
        return []
    return [f"{_dotted(owner, name)} does not call {called}"]
