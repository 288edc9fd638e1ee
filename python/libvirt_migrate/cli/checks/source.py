"""The checks that libvirt at the source makes itself: it is asked to begin, with nowhere to send data to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ... import LibvirtError, MigrateFlags, MigrateParams
from ...codes import ErrorCode
from ..definition.summary import Definition
from ..errors import one_line
from .check import Check, Pair

#: A system's error, a broken connection, a lock that was not had in time: no word on the migration.
_SILENCE = (ErrorCode.SYSTEM_ERROR, ErrorCode.RPC, ErrorCode.OPERATION_TIMEOUT)


@dataclass(frozen=True)
class Asked:
    """What libvirt said. Where all are `None` it would begin."""

    #: Why it refuses.
    refusal: str | None = None
    #: Why it fears for the disks that are not copied; it looks at them when nothing else is in the way.
    fear: str | None = None
    #: Why it is not known what it would do.
    silence: str | None = None

    @property
    def would_begin(self) -> bool:
        """Nothing but a fear is in the way."""
        return self.refusal is None and self.silence is None


def ask_source(pair: Pair, params: MigrateParams, *, is_free: bool) -> Asked:
    """Asks. A guest that has a job, or does not run, is left alone: libvirt would wait for the job's end."""
    if not is_free:
        return Asked(silence="libvirt can be asked only while the guest runs or is paused and has no job")
    if MigrateFlags.TUNNELLED in params.flags:
        return Asked(silence="libvirt cannot be asked beforehand for a migration over a tunnel")
    # Step by step from here, for which the source need not reach the destination: that is the route's.
    flags = params.flags & ~MigrateFlags.PEER2PEER
    fear = None
    try:
        try:
            pair.guest.check_migration(params, flags=flags)
        except LibvirtError as error:
            if error.code != ErrorCode.MIGRATE_UNSAFE:
                raise
            fear = one_line(str(error))
            # It stops at the first reason; here is what comes after this one.
            pair.guest.check_migration(params, flags=flags | MigrateFlags.UNSAFE)
    except LibvirtError as error:
        reason = one_line(str(error))
        if error.code in _SILENCE:
            return Asked(silence=reason, fear=fear)
        return Asked(refusal=reason, fear=fear)
    return Asked(fear=fear)


def check_source(asked: Asked) -> Check:
    """The source's libvirt would begin, and the destination's takes what it is sent first."""
    if asked.silence is not None:
        return Check("source", "not known", asked.silence)
    if asked.refusal is not None:
        return Check("source", "fail", asked.refusal, True)
    return Check("source", "pass", "libvirt would begin")


def check_shared_storage(asked: Asked, definition: Definition, params: MigrateParams) -> Iterator[Check]:
    """libvirt takes the disks that are not copied for shared."""
    copied = set(params.get("migrate_disks") or ())
    disks = [
        disk.target
        for disk in definition.disks
        if disk.kind in ("file", "block", "nvme", "dir", "volume")
        and not disk.read_only
        and disk.target not in copied
    ]
    names = ", ".join(disks)
    if not disks:
        yield Check("shared-storage", "pass", "no disk has to be shared that libvirt cannot tell of")
    elif asked.fear is not None:
        advice = f"--copy-storage {','.join(disks)}, or --unsafe where both hosts reach the same"
        yield Check("shared-storage", "fail", f"{names}: {asked.fear}: {advice}", True)
    elif MigrateFlags.UNSAFE in params.flags:
        reason = "with --unsafe libvirt does not look: do both hosts reach the same?"
        yield Check("shared-storage", "not known", f"{names}: {reason}")
    elif not asked.would_begin:
        yield Check("shared-storage", "not known", f"{names}: libvirt has not come to look at it")
    else:
        yield Check("shared-storage", "pass", f"{names}: libvirt takes it for shared")
