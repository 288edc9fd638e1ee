"""How a guest's memory and disks travel, where Nova's options leave that open."""

from __future__ import annotations

from typing import Any

from nova.conf import CONF
from oslo_log import log as logging

from libvirt_migrate import Guest, MigrateFlags
from libvirt_migrate._core import Engine, _compression, _is_refusal

from .options import register

LOG = logging.getLogger(__name__)

#: Parameters of a migration, and its flags.
Way = tuple[dict[str, Any], int]


def options() -> Any:
    """This package's own, which are Nova's from the first use on."""
    register()
    return CONF.libvirt_migrate


def with_disks(flags: int) -> int:
    """The flags with what is wanted of copied disks."""
    copied = flags & int(MigrateFlags.NON_SHARED_DISK | MigrateFlags.NON_SHARED_INC)
    wanted = copied and options().synchronous_disk_writes
    return flags | (int(MigrateFlags.NON_SHARED_SYNCHRONOUS_WRITES) if wanted else 0)


def choose(guest: Guest, destination: str, given: dict[str, Any], flags: int) -> Way | None:
    """The parameters and flags with a way for the memory that pays; `None` where none is known to.

    Raises nothing: memory travels as Nova has it travel then.
    """
    if not options().choose_transport or given["bandwidth"]:
        return None
    try:
        chosen = _compression(guest, destination, given.get("migrate_uri"), flags)
    except Exception as error:
        LOG.warning("How memory is to travel was not chosen: %s", error, instance_uuid=guest.uuid)
        return None
    if chosen is None:
        return None
    connections, why = chosen
    LOG.info("Memory is sent compressed, over %s connections: %s", connections, why, instance_uuid=guest.uuid)
    more = {"parallel.connections": connections, "compression": ["zstd"]}
    return given | more, flags | int(MigrateFlags.PARALLEL | MigrateFlags.COMPRESSED)


def is_refusal(error: Any) -> bool:
    """Whether libvirt or QEMU does not take what was chosen, as they say before anything is moved."""
    return _is_refusal(error.get_error_code(), str(error))


def learn(engine: Engine, guest: Any) -> bool:
    """Has what is seen of the link kept for later migrations; whether it is known yet where this one goes."""
    destination = getattr(guest, "migration_destination", None)
    if not isinstance(destination, str):
        return False
    # What a limit lets through says nothing of the link.
    if options().choose_transport and not CONF.libvirt.live_migration_bandwidth:
        try:
            engine.learn(Guest(guest._domain), destination, getattr(guest, "migration_uri", None))
        except Exception as error:
            LOG.warning("What is seen of the link is not kept: %s", error, instance_uuid=guest.uuid)
    return True
