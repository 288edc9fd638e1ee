"""A live-migration core for libvirt.

>>> from libvirt_migrate import Guest, build_migrate_params
"""

# Not of `typing`, which takes a while to import; checkers know the name.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from ._core import (
        Convergence,
        ConvergencePolicy,
        Decision,
        Forecast,
        Guest,
        GuestForecast,
        GuestState,
        Host,
        HostAnswer,
        JobInfo,
        Listener,
        MigrateParams,
        Migration,
        Outcome,
        PolicyDecision,
        Progress,
        Retarget,
        StoragePool,
        StorageVolume,
        Whereabouts,
        XmlChange,
        __version__,
        build_migrate_params,
        diff_xml,
        forecast,
        guest_location,
        listeners,
        retarget_pair,
        retarget_xml,
        where_is,
        whole_disks_xml,
    )
    from .errors import (
        InvalidDomainXml,
        InvalidParameter,
        LibvirtError,
        MigrationCancelled,
        MigrationError,
        MigrationFailed,
    )
    from .flags import MigrateFlags

__all__ = [
    "Convergence",
    "ConvergencePolicy",
    "Decision",
    "Forecast",
    "Guest",
    "GuestForecast",
    "GuestState",
    "Host",
    "HostAnswer",
    "InvalidDomainXml",
    "InvalidParameter",
    "JobInfo",
    "LibvirtError",
    "Listener",
    "MigrateFlags",
    "MigrateParams",
    "Migration",
    "MigrationCancelled",
    "MigrationError",
    "MigrationFailed",
    "Outcome",
    "PolicyDecision",
    "Progress",
    "Retarget",
    "StoragePool",
    "StorageVolume",
    "Whereabouts",
    "XmlChange",
    "__version__",
    "build_migrate_params",
    "diff_xml",
    "forecast",
    "guest_location",
    "listeners",
    "retarget_pair",
    "retarget_xml",
    "where_is",
    "whole_disks_xml",
]


def __getattr__(name: str) -> object:
    """Loads the native module, and libvirt with it, when something of it is asked for first.

    Most of the time of an import goes there, and the command's help and completion need none of it.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from collections.abc import Mapping

    # _dispatch has its part in the interpreter's end, which concerns every thread of the native module.
    try:
        from . import _core, _dispatch, errors, flags
    except ImportError as error:
        if "libvirt.so" not in str(error):
            raise
        needed = "install libvirt0 (Debian) or libvirt-libs (Fedora), 8.0 or newer"
        raise ImportError(f"{error}; {needed}", name=error.name, path=error.path) from error

    del _dispatch
    Mapping.register(_core.MigrateParams)
    for public in __all__:
        module = errors if hasattr(errors, public) else flags if hasattr(flags, public) else _core
        globals()[public] = getattr(module, public)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
