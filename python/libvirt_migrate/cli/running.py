"""`watch`, `abort` and `force-complete`: migrations that run already, whoever started them."""

from __future__ import annotations

import time
from typing import Any

from .. import Guest, LibvirtError
from ..codes import ErrorCode, JobCode
from .ends import Exit
from .errors import UserError, explain
from .follow import Followed, follow
from .hosts import find_guest, from_option, open_host, own_guest, show_route, show_uri
from .output import Output
from .request import check_uri
from .signals import Signals

#: How long an abort may take before this says that it does, s.
PATIENCE = 60.0


def watch(options: Any, out: Output) -> int:
    """The command."""
    guest = _guest(options)
    recorder = None
    if options.report:
        from .report import Recorder, check_path

        check_path(options.report)
        recorder = Recorder(guest.name, show_route(options.source, options.destination), None)
    with Signals() as signals:
        migration = _adopt(guest, options, **(recorder.callbacks if recorder else {}))
        out.note(f"watching {guest.name}; Ctrl-C leaves it alone")
        out.event("watch", guest=guest.name)
        code = follow(Followed(guest.name, options.source, ours=False), migration, out, signals)
    if recorder is not None:
        recorder.write(options.report, migration, out)
    return code


def force_complete(options: Any, out: Output) -> int:
    """The command. It stays until the end: a guest that was paused must go on if the migration fails."""
    guest = _guest(options)
    with Signals() as signals:
        migration = _adopt(guest, options)
        try:
            guest.start_post_copy()
            how = "switched to post-copy"
        except LibvirtError as error:
            if error.code not in (
                ErrorCode.OPERATION_INVALID,
                ErrorCode.OPERATION_UNSUPPORTED,
                ErrorCode.NO_SUPPORT,
            ):
                # It may have been switched all the same, or the guest cannot be reached.
                raise
            # Not allowed when it was started.
            migration.force_complete()
            how = "paused until it has moved"
        out.event("force-complete", guest=guest.name, how=how)
        out.say(f"{guest.name}: {how}")
        return follow(Followed(guest.name, options.source, ours=False), migration, out, signals)


def abort(options: Any, out: Output) -> int:
    """The command."""
    guest = _guest(options)
    if _idle(guest):
        raise UserError(f"{guest.name} is not being migrated from {show_uri(options.source)}")
    try:
        guest.abort_job(post_copy=options.post_copy)
    except LibvirtError as error:
        if guest.state.reason.startswith("post-copy"):
            raise UserError(
                f"{guest.name} is in post-copy, where neither host has all of it: it can only go on "
                "(abort --post-copy stops it until libvirt-migrate recover)"
            ) from None
        raise UserError(f"{guest.name}: {explain(error)}") from None
    deadline = time.monotonic() + PATIENCE
    while not options.post_copy and not _idle(guest):
        if time.monotonic() > deadline:
            raise UserError(f"{guest.name}: libvirt was asked to abort and is still at it; watch shows it")
        time.sleep(0.1)
    state = guest.state
    out.event("aborted", guest=guest.name, state=state.name, reason=state.reason)
    where = show_uri(options.source)
    out.say(f"{guest.name}: aborted; it is {state} at {where}")
    if options.post_copy:
        out.say(f"  go on with: libvirt-migrate recover {guest.name} DEST_URI{from_option(options.source)}")
    return Exit.DONE


def _idle(guest: Guest) -> bool:
    """Whether no migration of the guest runs."""
    job = guest.job_info()
    return job.type_name not in ("bounded", "unbounded") or job.operation != JobCode.OPERATION_MIGRATION_OUT


def _guest(options: Any) -> Guest:
    """The guest, over a connection of its own."""
    if options.destination is not None:
        check_uri(options.destination)
    host = open_host(options.source)
    return own_guest(find_guest(host, options.source, options.guest), options.source)


def _adopt(guest: Guest, options: Any, **more: Any) -> Any:
    try:
        return guest.adopt_migration(destination=options.destination, **more)
    except LibvirtError as error:
        if error.code != ErrorCode.OPERATION_INVALID:
            raise
        raise UserError(f"{guest.name} is not being migrated from {show_uri(options.source)}") from None
