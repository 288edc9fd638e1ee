"""The checks of a guest's disks."""

from __future__ import annotations

from collections.abc import Iterator

from ... import Host, LibvirtError, MigrateFlags, MigrateParams
from ..definition.disks import Disk, read_disks
from ..errors import one_line
from .check import Check, Pair
from .copied import check_copied


def check_storage(pair: Pair, params: MigrateParams) -> Iterator[Check]:
    """Each disk is reachable there, or can be copied."""
    copied: list[str] = params.get("migrate_disks") or []
    here, there = read_disks(pair.guest.xml()), read_disks(params["destination_xml"])
    for target in copied:
        reason = "the guest has no such disk" if target not in here else here[target].why_not_copied
        if reason is not None:
            yield Check("storage", "fail", f"{target} is to be copied, but {_said(target, reason)}", True)
    present = [disk for disk in there.values() if disk.kind]
    if not present:
        yield Check("storage", "pass", "the guest has no disks")
    incremental = MigrateFlags.NON_SHARED_INC in params.flags
    for disk in present:
        source = here.get(disk.target)
        if disk.target not in copied:
            yield check_shared(pair.destination, disk)
        elif source is not None and source.why_not_copied is None:
            yield check_copied(pair, source, disk, incremental=incremental)


def _said(target: str, reason: str) -> str:
    return reason if reason.startswith("the guest") else f"{target} {reason}"


def check_shared(destination: Host, disk: Disk) -> Check:
    """A disk that is not copied is at the destination. Whether it is the same one, it alone cannot tell."""
    advice = "" if disk.why_not_copied else f", or --copy-storage {disk.target}"
    try:
        if disk.volume is not None:
            pool, name = disk.volume
            found = destination.volume(name, pool=pool) is not None
        elif disk.path is None:
            return Check("storage", "not known", f"{disk}: does the destination reach it too?")
        elif destination.volume(disk.path) is not None:
            found = True
        elif disk.kind != "file":
            reason = f"no storage pool of the destination has it; it must be shared{advice}"
            return Check("storage", "not known", f"{disk}: {reason}")
        elif destination.has_file(disk.path):
            return Check(
                "storage", "pass", f"{disk}: the destination has such a file; it must be the same one"
            )
        else:
            found = False
    except LibvirtError as error:
        reason = f"it must be shared{advice}; the destination does not tell of it: {one_line(str(error))}"
        return Check("storage", "not known", f"{disk}: {reason}")
    if found:
        return Check("storage", "pass", f"{disk}: a storage pool of the destination has it")
    return Check("storage", "fail", f"{disk}: the destination does not have it; it must be shared{advice}")
