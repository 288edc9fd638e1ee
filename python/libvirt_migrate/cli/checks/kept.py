"""The checks of what the source keeps of a guest, and of what works on its disks."""

from __future__ import annotations

from ... import Guest, LibvirtError
from ..definition.summary import Definition
from ..errors import one_line
from .check import Check


def check_snapshots(guest: Guest) -> Check:
    """The guest has no snapshots: no libvirt migrates one that has."""
    try:
        count = guest.snapshot_count
        checkpoints = guest.checkpoint_count
    except LibvirtError as error:
        return Check("snapshots", "not known", one_line(str(error)))
    if count:
        what = "a snapshot" if count == 1 else f"{count} snapshots"
        advice = "virsh snapshot-delete --metadata has libvirt forget one and leaves the disk as it is"
        return Check("snapshots", "fail", f"has {what}, and no libvirt migrates that: {advice}", True)
    if checkpoints:
        what = "a checkpoint" if checkpoints == 1 else f"{checkpoints} checkpoints"
        return Check("snapshots", "pass", f"has none; {what} will be defined there as well")
    return Check("snapshots", "pass", "has none, and no checkpoints")


def check_autostart(guest: Guest) -> Check:
    """Whether its host starts it by itself goes along; a flag of earlier times there does not stay."""
    try:
        on = guest.autostart
    except LibvirtError as error:
        return Check("autostart", "not known", one_line(str(error)))
    what = "the source starts it by itself, and so will the destination"
    return Check("autostart", "pass", what if on else "neither host starts it by itself afterwards")


def check_block_jobs(guest: Guest, definition: Definition) -> Check:
    """Nothing copies, commits, pulls or backs up a disk."""
    busy, unknown = [], []
    for disk in definition.disks:
        if disk.kind == "empty" or not disk.target:
            continue
        try:
            if guest.has_block_job(disk.target):
                busy.append(disk.target)
        except LibvirtError as error:
            unknown.append(f"{disk.target}: {one_line(str(error))}")
    if busy:
        advice = f"virsh blockjob GUEST {busy[0]} shows it, and --abort ends it"
        return Check("block-jobs", "fail", f"a block job works on {', '.join(busy)}: {advice}", True)
    if unknown:
        return Check("block-jobs", "not known", "; ".join(unknown))
    return Check("block-jobs", "pass", "none works on a disk")
