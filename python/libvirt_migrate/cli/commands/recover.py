"""`recover`: putting a guest right whose migration broke."""

from __future__ import annotations

import threading
import time
from typing import Any

from ... import Guest, LibvirtError, MigrateFlags, Migration, Outcome, build_migrate_params
from ..ends import Exit
from ..errors import UserError, explain
from ..follow import JSON_PERIOD, Followed, decisions, failed, leave_it
from ..hosts import find_guest, open_host, own_guest, show_uri
from ..options import Recover
from ..request import flags_from, transport, with_host
from ..terminal.line import PERIOD, Line
from ..terminal.output import Output
from ..terminal.places import PLACES
from ..terminal.signals import Signals
from ..terminal.values import show_time

#: What libvirt says of a guest that arrived paused, and of one that was paused there.
_SENT = ("user", "migration")


def recover(options: Recover, out: Output) -> int:
    """The command. The definitions were sent when the migration began, and libvirt takes none here."""
    flags = flags_from(options) | MigrateFlags.POSTCOPY
    how = with_host(transport(options), options.destination)
    params = build_migrate_params(destination=options.destination, flags=flags, **how)
    source = open_host(options.source, role="the source")
    destination = open_host(options.destination, role="the destination")
    there = destination.guest(options.guest)
    if there is not None and source.guest(options.guest) is None:
        if options.exclusive and there.state.name == "paused" and there.state.reason in _SENT:
            return _go_on(there, options, out)
        raise UserError(
            f"{there.name} is {there.state} at {show_uri(options.destination)} and not at "
            f"{show_uri(options.source)} any more: there is nothing to put right"
        )
    guest = own_guest(find_guest(source, options.source, options.guest), options.source)
    with Signals() as signals:
        work = _Recovery(guest, params, options)
        out.event("start", guest=guest.name, uuid=guest.uuid, flags=int(params.flags))
        _watch(work, options, out, signals)
    if work.error is None:
        return _right(guest.name, work.outcome, out)
    if isinstance(work.error, LibvirtError) and hasattr(work.error, "guest_location"):
        what = Followed(guest.name, options.source, ours=True)
        failed(what, out, work.error)
        return Exit.STRANDED
    raise UserError(f"{guest.name}: {explain(work.error)}")


def _go_on(guest: Guest, options: Recover, out: Output) -> int:
    """Has a guest go on that was sent paused and that the source does not know any more."""
    guest.resume()
    place = "destination-running"
    out.event("end", guest=guest.name, code=Exit.DONE, result="recovered", message=None, guest_location=place)
    out.say(f"{guest.name}: {PLACES[place]}")
    out.say(f"  it goes on: {show_uri(options.source)} does not know it any more")
    return Exit.DONE


class _Recovery:
    """The library's recovery, on a thread of its own: it waits for what both hosts do."""

    def __init__(self, guest: Guest, params: Any, options: Recover) -> None:
        self.guest, self._params, self._options = guest, params, options
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_over(self, seconds: float) -> bool:
        """Whether it is over within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            keep, exclusive = self._options.keep, self._options.exclusive
            self.outcome = self.guest.recover(self._params, keep=keep, exclusive=exclusive)
        except BaseException as error:
            self.error = error


def _watch(work: _Recovery, options: Recover, out: Output, signals: Signals) -> None:
    """Shows the memory that moves, once it does."""
    name, spoken = work.guest.name, 0.0
    looker = own_guest(work.guest, options.source)
    migration: Migration | None = None
    with Line(out, name) as line:
        while not work.is_over(PERIOD):
            migration = migration or _moving(looker, options.destination)
            if migration is not None:
                line.show(migration.progress)
                if time.monotonic() - spoken >= JSON_PERIOD:
                    spoken = time.monotonic()
                    out.event("progress", guest=name, **migration.progress.to_dict())
            if signals.terminated or signals.interrupts:
                # A post-copy that goes on is not to be aborted.
                what = Followed(name, options.source, ours=False)
                leave_it(what, out, line, Exit.TERMINATED if signals.terminated else Exit.LEFT)


def _moving(guest: Guest, destination: str) -> Migration | None:
    """The migration of the recovery, if it moves memory already."""
    try:
        return guest.adopt_migration(destination=destination)
    except LibvirtError:
        return None


def _right(name: str, outcome: Any, out: Output) -> int:
    out.event("end", guest=name, code=Exit.DONE, result="recovered", message=None, **outcome.to_dict())
    out.say(f"{name}: {PLACES[outcome.guest_location]}")
    out.say(f"  put right in {show_time(outcome.total_time)}" if outcome.decisions else "  it was right")
    for text in decisions(outcome):
        out.say(text)
    return Exit.DONE
