"""How a guest's memory and disks travel, where Nova's options leave that open."""

from __future__ import annotations

from typing import Any

from nova.conf import CONF
from nova.virt.libvirt import guest as nova_guest
from oslo_log import log as logging

from libvirt_migrate import Guest
from libvirt_migrate._core import Engine, _compression

LOG = logging.getLogger(__name__)


#: Parameters of a migration, and its flags.
Way = tuple[dict[str, Any], int]


def with_disks(flags: int) -> int:
    """The flags with what is wanted of copied disks."""
    libvirt = nova_guest.libvirt
    copied = libvirt.VIR_MIGRATE_NON_SHARED_DISK | libvirt.VIR_MIGRATE_NON_SHARED_INC
    wanted = CONF.libvirt_migrate.synchronous_disk_writes and flags & copied
    return flags | (libvirt.VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES if wanted else 0)


def choose(guest: Guest, destination: str, given: dict[str, Any], flags: int) -> Way | None:
    """The parameters and flags with a way for the memory that pays; `None` where none is known to.

    Raises nothing: memory travels as Nova has it travel then.
    """
    if not CONF.libvirt_migrate.choose_transport or given["bandwidth"]:
        return None
    try:
        chosen = _compression(guest, destination, given.get("migrate_uri"), flags)
    except Exception as error:
        LOG.warning("How memory is to travel was not chosen: %s", error)
        return None
    if chosen is None:
        return None
    connections, why = chosen
    LOG.info("Memory is sent compressed, over %s connections: %s", connections, why)
    libvirt = nova_guest.libvirt
    more = {"parallel.connections": connections, "compression": ["zstd"]}
    return given | more, flags | libvirt.VIR_MIGRATE_PARALLEL | libvirt.VIR_MIGRATE_COMPRESSED


def is_refusal(error: Any) -> bool:
    """Whether libvirt or QEMU does not take what was chosen, as they say before anything is moved."""
    libvirt = nova_guest.libvirt
    return "'migrate-set-" in str(error) or error.get_error_code() in (
        libvirt.VIR_ERR_INVALID_ARG,
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    )


def learn(engine: Engine, guest: Any) -> bool:
    """Has what is seen of the link kept for later migrations; whether it is known yet where this one goes."""
    destination = getattr(guest, "migration_destination", None)
    if not isinstance(destination, str):
        return False
    # What a limit lets through says nothing of the link.
    if CONF.libvirt_migrate.choose_transport and not CONF.libvirt.live_migration_bandwidth:
        engine.learn(Guest(guest._domain), destination, getattr(guest, "migration_uri", None))
    return True
