"""The check of a disk that is copied: onto what, or who makes that."""

from __future__ import annotations

from ... import Host, LibvirtError, StoragePool, StorageVolume
from ..definition.disks import Disk
from ..errors import one_line
from ..terminal.values import show_size
from .check import Check, Pair

#: QEMU's block layer counts in these.
_SECTOR = 512
#: Pools that several hosts may have at once.
_SHARED_POOLS = ("netfs", "gluster", "vstorage", "iscsi", "iscsi-direct", "scsi", "mpath", "rbd", "sheepdog")


def check_copied(pair: Pair, source: Disk, disk: Disk, *, incremental: bool) -> Check:
    """`source` is the disk here, `disk` the same one at the destination."""
    try:
        return _check(pair, source, disk, incremental=incremental)
    except LibvirtError as error:
        reason = f"is copied, but the destination does not tell what is there: {one_line(str(error))}"
        return _not_known(disk, reason)


def _check(pair: Pair, source: Disk, disk: Disk, *, incremental: bool) -> Check:
    if disk.kind == "network":
        if disk.source == source.source:
            return _fail(disk, "is the same network disk for both hosts: a copy would be onto itself")
        return _not_known(disk, "is copied onto a network disk, which must be there, of the same size")
    size, host = _size(pair, disk.target), pair.destination
    if disk.volume is not None:
        pool, name = disk.volume
        refusal = _inactive(host, pool)
        if refusal is not None:
            return _fail(disk, refusal, fatal=True)
        volume, maker = host.volume(name, pool=pool), host.pool(pool)
    elif disk.path is not None and disk.kind in ("file", "block"):
        volume, maker = host.volume(disk.path), host.pool_at(disk.folder)
    else:
        return _not_known(disk, "is copied, and must be there")
    if volume is not None:
        return _onto(disk, source, volume, maker, size, incremental=incremental)
    if disk.kind == "block":
        return _not_known(disk, f"is copied; no storage pool of the destination has such a device{_of(size)}")
    return _without_volume(host, disk, maker, size, incremental=incremental)


def _size(pair: Pair, target: str) -> int | None:
    """What the guest sees of its disk, bytes."""
    try:
        return _sectors(pair.guest.disk_size(target))
    except LibvirtError:
        return None


def _sectors(size: int) -> int:
    return -(-size // _SECTOR) * _SECTOR


def _onto(
    disk: Disk,
    source: Disk,
    volume: StorageVolume,
    pool: StoragePool | None,
    size: int | None,
    *,
    incremental: bool,
) -> Check:
    """The destination has an image."""
    found = volume.format or "raw"
    if found != disk.format and disk.format != "raw":
        return _fail(disk, f"is copied, but the image there is {found}, not {disk.format}", fatal=True)
    # Whatever is in it, QEMU takes it for what the definition says.
    there = volume.capacity if found == disk.format else volume.physical
    if there is None or size is None:
        return _not_known(disk, "is copied onto the image there; is it as large as the source's?")
    there = _sectors(there)
    if there != size:
        what = "smaller" if there < size else "larger"
        reason = f"is copied, but the image there is {what}: {_both(size, there)}; QEMU wants the same size"
        return _fail(disk, reason, fatal=there < size)
    image = f"the image there ({show_size(there)}, {disk.format})"
    if incremental:
        return _incremental(disk, source, volume, image)
    if pool is not None and pool.type in _SHARED_POOLS:
        reason = f"is copied onto {image} in pool {pool.name}, a {pool.type}"
        return _not_known(disk, f"{reason}: is that another one than the source's?")
    return _pass(disk, f"is copied onto {image}")


def _incremental(disk: Disk, source: Disk, volume: StorageVolume, image: str) -> Check:
    """Of a disk with a backing file the rest is copied, onto an image with the same one."""
    if source.has_backing is False:
        return _fail(disk, "has no backing file: --copy-storage copies it, all of it", fatal=True)
    if volume.backing_file is None:
        made = f"qemu-img create -f {disk.format} -b BACKING -F FORMAT {disk.path or volume.path}"
        reason = f"is copied incrementally, but {image} has no backing file of its own: make it with {made}"
        return _fail(disk, f"{reason}, or --copy-storage {disk.target} copies all of it", fatal=True)
    if source.has_backing is None:
        return _not_known(disk, f"is copied incrementally onto {image}; has the source's a backing file?")
    return _pass(disk, f"is copied incrementally onto {image}, upon {volume.backing_file}")


def _without_volume(
    host: Host, disk: Disk, pool: StoragePool | None, size: int | None, *, incremental: bool
) -> Check:
    """No pool of the destination knows an image."""
    if disk.path is not None and host.has_file(disk.path):
        refresh = (
            f"virsh pool-refresh {pool.name} there" if pool else f"make {disk.folder} a storage pool there"
        )
        backing = " and backing file" if incremental else ""
        reason = f"is copied onto the file that is there; its size, format{backing} are not known: {refresh}"
        return _not_known(disk, reason)
    if incremental:
        made = f"qemu-img create -f {disk.format} -b BACKING -F FORMAT {disk.path or 'IMAGE'}"
        return _fail(
            disk, f"is copied incrementally, but there is no image: make it there with {made}", fatal=True
        )
    if pool is None:
        length = "SIZE" if size is None else size
        made = f"qemu-img create -f {disk.format} {disk.path} {length}"
        reason = f"is copied, but there is no file, and no active storage pool has {disk.folder}"
        return _fail(disk, f"{reason}: make it there with {made}", fatal=True)
    if size is not None and pool.available < size:
        short = (
            f"pool {pool.name} makes the image, but has {show_size(pool.available)} free of {show_size(size)}"
        )
        return _fail(disk, short) if disk.format == "raw" else _not_known(disk, short)
    return _pass(disk, f"is copied; pool {pool.name} makes the image{_of(size, disk.format)}")


def _inactive(host: Host, name: str) -> str | None:
    pool = host.pool(name)
    if pool is None:
        return f"is copied, but the destination has no storage pool {name}"
    return None if pool.is_active else f"is copied, but the destination's storage pool {name} is not active"


def _of(size: int | None, *more: str) -> str:
    words = [*([] if size is None else [show_size(size)]), *more]
    return f" ({', '.join(words)})" if words else ""


def _both(here: int, there: int) -> str:
    """Both sizes, in units in which they differ."""
    texts = [show_size(here), show_size(there)]
    if texts[0] == texts[1]:
        texts = [f"{here} B", f"{there} B"]
    return f"{texts[0]} here, {texts[1]} there"


def _pass(disk: Disk, reason: str) -> Check:
    return Check("storage", "pass", f"{disk}: {reason}")


def _fail(disk: Disk, reason: str, *, fatal: bool = False) -> Check:
    return Check("storage", "fail", f"{disk}: {reason}", fatal)


def _not_known(disk: Disk, reason: str) -> Check:
    return Check("storage", "not known", f"{disk}: {reason}")
