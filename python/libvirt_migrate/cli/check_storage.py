"""The check of a guest's disks."""

from __future__ import annotations

from collections.abc import Iterator

from .. import Host, LibvirtError, MigrateParams
from .checking import Check
from .definition import Definition


def check_storage(destination: Host, definition: Definition, params: MigrateParams) -> Iterator[Check]:
    """Each disk is reachable there, or copied."""
    copied = set(params.get("migrate_disks") or ())
    present = [disk for disk in definition.disks if disk.kind != "empty"]
    for unknown in sorted(copied - {disk.target for disk in present}):
        yield Check("storage", "fail", f"{unknown} is to be copied, but the guest has no such disk", True)
    if not present:
        yield Check("storage", "pass", "the guest has no disks")
    for disk in present:
        where = f"{disk.target} ({disk.source or disk.kind})"
        found = disk.source is not None and _has_volume(destination, disk.source)
        if disk.target in copied:
            reason = (
                "is copied" if found else "is copied; outside a storage pool its file must be there already"
            )
            yield Check("storage", "pass" if found else "not known", f"{where}: {reason}")
        elif found:
            yield Check("storage", "pass", f"{where}: a storage pool of the destination has it")
        elif disk.source is None:
            yield Check("storage", "not known", f"{where}: does the destination reach it too?")
        else:
            advice = "" if disk.read_only else f", or --copy-storage {disk.target}"
            reason = f"no storage pool of the destination has it; it must be shared{advice}"
            yield Check("storage", "not known", f"{where}: {reason}")


def _has_volume(destination: Host, path: str) -> bool:
    try:
        return destination.has_volume(path)
    except LibvirtError:
        return False
