"""A live-migration core for libvirt.

>>> from libvirt_migrate import Guest, build_migrate_params
"""

from collections.abc import Mapping as _Mapping

# For its part in the interpreter's end, which concerns every thread of the native module.
from . import _dispatch as _dispatch
from ._core import (
    Convergence,
    Decision,
    Guest,
    GuestState,
    JobInfo,
    MigrateParams,
    Migration,
    Outcome,
    Progress,
    Retarget,
    XmlChange,
    __version__,
    build_migrate_params,
    diff_xml,
    retarget_xml,
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

_Mapping.register(MigrateParams)

__all__ = [
    "Convergence",
    "Decision",
    "Guest",
    "GuestState",
    "InvalidDomainXml",
    "InvalidParameter",
    "JobInfo",
    "LibvirtError",
    "MigrateFlags",
    "MigrateParams",
    "Migration",
    "MigrationCancelled",
    "MigrationError",
    "MigrationFailed",
    "Outcome",
    "Progress",
    "Retarget",
    "XmlChange",
    "__version__",
    "build_migrate_params",
    "diff_xml",
    "retarget_xml",
]
