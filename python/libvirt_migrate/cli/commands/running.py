"""`watch`, `abort` and `force-complete`: migrations that run already, whoever started them."""

from __future__ import annotations

import time
from typing import Any

from ... import Guest, LibvirtError, Migration
from ...codes import ErrorCode, JobCode
from ..ages import age_of
from ..ends import Exit
from ..errors import UserError, explain
from ..follow import Followed, follow
from ..hosts import find_guest, open_host, own_guest, show_route, show_uri, suggested
from ..options import Abort, ForceComplete, Running, Watch
from ..terminal.output import Output
from ..terminal.signals import Signals
from ..terminal.values import show_size, show_time

#: How long an abort may take before this says that it does, s.
PATIENCE = 60.0


def watch(options: Watch, out: Output) -> int:
    """The command."""
    guest = _guest(options)
    age = _age(guest, options)
    recorder = None
    if options.report:
        from ..report.recorder import Recorder, check_path

        check_path(options.report)
        route = show_route(options.source, options.destination)
        recorder = Recorder(options.report, guest.name, route, None, age=age)
    with Signals() as signals:
        migration = _adopt(guest, options, **(recorder.callbacks if recorder else {}))
        out.note(f"watching {guest.name}; Ctrl-C leaves it alone")
        out.event("watch", guest=guest.name)
        what = Followed(guest.name, options.source, ours=False, age=age)
        code = follow(what, migration, out, signals)
    if recorder is not None:
        recorder.write(migration, out)
    return code


def force_complete(options: ForceComplete, out: Output) -> int:
    """The command. It stays until the end: a guest that was paused must go on if the migration fails."""
    guest = _guest(options)
    age = _age(guest, options)
    migration = _adopt(guest, options)
    if is_paused := not _in_post_copy(guest):
        _agree(guest, options, out)
    with Signals() as signals:
        how = _pause(guest, migration) if is_paused else "switched to post-copy"
        out.event("force-complete", guest=guest.name, how=how)
        out.say(f"{guest.name}: {how}")
        what = Followed(guest.name, options.source, ours=False, age=age, is_paused=is_paused)
        return follow(what, migration, out, signals)


def _in_post_copy(guest: Guest) -> bool:
    """Switches to post-copy, unless that was not allowed when the migration was started."""
    try:
        guest.start_post_copy()
    except LibvirtError as error:
        if error.code not in (
            ErrorCode.OPERATION_INVALID,
            ErrorCode.OPERATION_UNSUPPORTED,
            ErrorCode.NO_SUPPORT,
        ):
            # It may have been switched all the same, or the guest cannot be reached.
            raise
        return False
    return True


def _agree(guest: Guest, options: ForceComplete, out: Output) -> None:
    """Has a person who watches agree to the pause, which they are told the length of."""
    if options.yes or not out.can_ask:
        return
    question = f"{guest.name}: it will stand still until it has moved, for {_length(guest)}. Pause it?"
    if not out.ask(question):
        raise UserError(f"{guest.name}: was left as it is, and goes on moving")


def _length(guest: Guest) -> str:
    """How long a pause would be, from what is left and how fast it goes now."""
    job = guest.job_info()
    parts = [(job.memory_remaining, job.memory_bps), (job.disk_remaining, job.disk_bps)]
    left = sum(remaining or 0 for remaining, _ in parts)
    seconds = 0.0
    for remaining, rate in parts:
        if remaining and not rate:
            return f"a time that is not known ({show_size(left)} left)"
        seconds += (remaining or 0) / (rate or 1)
    return f"about {show_time(seconds)} ({show_size(left)} left)"


def _pause(guest: Guest, migration: Migration) -> str:
    """Pauses the guest, and lets its memory go as fast as it can while it waits. Returns what was done."""
    length = _length(guest)
    migration.force_complete()
    try:
        migration.set_bandwidth(0)
    except LibvirtError as error:
        return f"paused until it has moved, for {length}; the bandwidth's limit stays: {explain(error)}"
    return f"paused until it has moved, for {length} or less; there is no limit on the bandwidth any more"


def abort(options: Abort, out: Output) -> int:
    """The command."""
    guest = _guest(options)
    if _idle(guest):
        raise _not_moving(guest, options)
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
        recover = suggested("recover", guest.name, options.source, "DEST_URI")
        out.say(f"  go on with: {recover}")
    return Exit.DONE


def _idle(guest: Guest) -> bool:
    """Whether no migration of the guest runs."""
    job = guest.job_info()
    return job.type_name not in ("bounded", "unbounded") or job.operation != JobCode.OPERATION_MIGRATION_OUT


def _guest(options: Running) -> Guest:
    """The guest, over a connection of its own."""
    host = open_host(options.source)
    return own_guest(find_guest(host, options.source, options.guest), options.source)


def _age(guest: Guest, options: Running) -> float:
    """How long the migration has run, s."""
    if _idle(guest):
        raise _not_moving(guest, options)
    return age_of(guest)


def _adopt(guest: Guest, options: Running, **more: Any) -> Migration:
    try:
        return guest.adopt_migration(destination=options.destination, **more)
    except LibvirtError as error:
        if error.code != ErrorCode.OPERATION_INVALID:
            raise
        raise _not_moving(guest, options) from None


def _not_moving(guest: Guest, options: Running) -> UserError:
    return UserError(f"{guest.name} is not being migrated from {show_uri(options.source)}")
