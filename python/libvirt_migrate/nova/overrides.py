"""Puts the overrides in place: all of them, once, or none."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import libvirt_migrate

from . import release
from .originals import keep


@dataclass(frozen=True)
class Override:
    """One attribute of Nova's that is replaced."""

    owner: Any
    name: str
    replacement: Any

    def __str__(self) -> str:
        module = getattr(self.owner, "__module__", None)
        prefix = f"{module}." if module else ""
        return f"{prefix}{self.owner.__name__}.{self.name}"


_lock = threading.Lock()
_installed: tuple[Override, ...] = ()


def install() -> None:
    """Overrides Nova's live-migration path. A second call does nothing.

    Raises UnsupportedNova where Nova's release is not supported, or where the overrides do not fit it: it
    names each thing that does not. Nothing is changed then.
    """
    global _installed
    with _lock:
        if _installed:
            return
        overrides = plan()
        from . import fits, options

        problems = fits.misfits((entry.owner, entry.name, entry.replacement) for entry in overrides)
        if problems:
            raise release.UnsupportedNova(
                f"this is Nova {release.version()}, but not as it was released, and nothing was overridden: "
                + "; ".join(problems)
            )

        options.register()
        for override in overrides:
            keep(override.owner, override.name, getattr(override.owner, override.name))
        for override in overrides:
            setattr(override.owner, override.name, override.replacement)
        _installed = overrides
        from oslo_log import log as logging

        logging.getLogger(__name__).info("%s", summary())


def installed() -> tuple[str, ...]:
    """What is overridden, as dotted names."""
    return tuple(str(override) for override in _installed)


def summary() -> str:
    """What is in force, in one line for a log."""
    return (
        f"libvirt-migrate {libvirt_migrate.__version__} moves the guests of Nova {release.version()}: "
        f"{len(_installed)} overrides"
    )


def plan() -> tuple[Override, ...]:
    """What would be overridden. Raises UnsupportedNova."""
    release.major()
    # Only here: importing Nova has effects (eventlet's, for one) that are the caller's to time.
    from nova.virt.libvirt import driver as nova_driver
    from nova.virt.libvirt import guest as nova_guest
    from nova.virt.libvirt import migration as nova_migration

    from . import driver, guest, migration, monitor, takeover

    return (
        *(Override(nova_guest.Guest, method.__name__, method) for method in guest.METHODS),
        Override(nova_guest, "JobInfo", guest.JobInfo),
        *(Override(nova_migration, function.__name__, function) for function in migration.FUNCTIONS),
        *(Override(nova_driver.LibvirtDriver, name, method) for name, method in driver.METHODS.items()),
        Override(nova_driver.LibvirtDriver, "_live_migration_monitor", monitor.live_migration_monitor),
        *(Override(*seam) for seam in takeover.seams()),
    )
