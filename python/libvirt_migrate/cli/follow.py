"""Following a migration to its end: progress, decisions, Ctrl-C, and what is said at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from .. import LibvirtError, MigrationCancelled, MigrationFailed
from .ages import aged
from .ends import Exit
from .errors import explain, one_line
from .hosts import suggested
from .terminal.line import PERIOD, Line
from .terminal.output import leave
from .terminal.places import PLACES
from .terminal.values import show_passes, show_size, show_time

if TYPE_CHECKING:
    from .. import Decision, Migration, Outcome
    from .terminal.output import Output
    from .terminal.signals import Signals

#: How often JSON tells the progress, s.
JSON_PERIOD = 0.5


@dataclass(frozen=True)
class Followed:
    """What is followed."""

    name: str
    source_uri: str | None
    #: Ctrl-C aborts a migration of our own; one that is only watched is let go of.
    ours: bool
    #: The guest was paused before, so that a paused one is as it should be.
    was_paused: bool = False
    #: How long it had run when it was found, s.
    age: float = 0.0
    #: The guest stands still until it is over.
    is_paused: bool = False


def follow(what: Followed, migration: Migration, out: Output, signals: Signals) -> int:
    """Waits for the end, tells all the while, and returns the exit code.

    `signals` were taken before anything was started: an interrupt in between is one of the migration.
    """
    told, spoken, warned, asked = 0, 0.0, False, False
    with Line(out, what.name) as line:
        if what.is_paused:
            line.stands()
        while not migration.wait(PERIOD):
            told = _tell_all(what, out, line, migration, told)
            progress = aged(migration.progress, what.age)
            line.show(progress)
            if time.monotonic() - spoken >= JSON_PERIOD:
                spoken = time.monotonic()
                out.event("progress", guest=what.name, **progress.to_dict())
            if signals.terminated or signals.interrupts > 1 or (signals.interrupts and not what.ours):
                leave_it(what, out, line, Exit.TERMINATED if signals.terminated else Exit.LEFT, aborted=asked)
            if signals.interrupts and not warned:
                warned = True
                _say(what, out, line, "will be aborted; Ctrl-C again now leaves it running")
            if signals.aborts and not asked:
                asked = True
                _say(what, out, line, _abort(migration))
        _tell_all(what, out, line, migration, told)
    return conclude(what, migration, out)


def _tell_all(what: Followed, out: Output, line: Line, migration: Migration, told: int) -> int:
    """Tells the decisions after these many; returns how many there are."""
    decisions = migration.decisions
    for decision in decisions[told:]:
        _tell(what, out, line, aged(decision, what.age))
    return len(decisions)


def _tell(what: Followed, out: Output, line: Line, decision: Decision) -> None:
    """A decision. What both hosts say of a migration that is silent is told whoever reads it."""
    if decision.action == "pause" and decision.error is None:
        line.stands()
    elif decision.action in ("resume", "restart", "restart-compressed"):
        line.goes_on()
    if not ends_it(decision):
        line.decision(decision)
    out.event("decision", guest=what.name, **decision.to_dict())
    if decision.action == "look" and out.console() is None:
        out.warn(f"{what.name}: {decision.reason}")


def ends_it(decision: Decision) -> bool:
    """Whether it is told by the line about the end, which has its reason."""
    return decision.action == "abort" and decision.error is None


def _abort(migration: Migration) -> str:
    """The first Ctrl-C. Returns what became of it."""
    try:
        migration.abort()
    except LibvirtError as error:
        return f"cannot be aborted: {explain(error)}; Ctrl-C again leaves it running"
    return "libvirt was asked to abort; waiting for it"


def _say(what: Followed, out: Output, line: Line, text: str) -> None:
    """What becomes of a Ctrl-C."""
    out.event("interrupt", guest=what.name, message=text)
    if out.console() is None:
        out.warn(f"{what.name}: {text}")
    line.note(text)


def leave_it(what: Followed, out: Output, line: Line, code: int, *, aborted: bool = False) -> NoReturn:
    """Ends this process without a word to libvirt: the two daemons go on by themselves."""
    watch = suggested("watch", what.name, what.source_uri)
    line.__exit__(None, None, None)
    out.event("left", guest=what.name, code=code, watch=watch)
    steered = ", with nobody to steer it" if what.ours else ""
    how = "left while libvirt aborts it" if aborted else f"left running{steered}"
    out.warn(f"{what.name}: {how}; watch it with: {watch}")
    leave(code)


def conclude(what: Followed, migration: Migration, out: Output) -> int:
    """The summary and the exit code of a migration that is over."""
    try:
        outcome = aged(migration.result(), what.age)
    except (MigrationFailed, MigrationCancelled) as error:
        return failed(what, out, error)
    out.event("end", guest=what.name, code=Exit.DONE, result="moved", message=None, **outcome.to_dict())
    for text in summary(what.name, outcome, told=out.together):
        out.say(text)
    return Exit.DONE


def failed(what: Followed, out: Output, error: Any) -> int:
    """The exit code of what failed or was cancelled, and what is said of it."""
    place = error.guest_location
    cancelled = isinstance(error, MigrationCancelled)
    code = Exit.CANCELLED if cancelled else Exit.FAILED
    if place != "source-running" and not (place == "source-paused" and what.was_paused):
        code = Exit.STRANDED
    result = "cancelled" if cancelled else "failed"
    message = one_line(error.message)
    outcome: Any = getattr(error, "outcome", None)
    outcome = None if outcome is None else aged(outcome, what.age)
    fields = {} if outcome is None else outcome.to_dict()
    fields["guest_location"] = place
    out.event("end", guest=what.name, code=code, result=result, message=message, **fields)
    said = reason(message, outcome) if cancelled else message
    where = PLACES.get(str(place), str(place))
    if out.together:
        out.say(f"{what.name}: {result}: {said}; {where}")
        return code
    out.warn(f"{what.name}: {result}: {said}")
    out.say(f"{what.name}: {result}; {where}")
    for text in [] if outcome is None else decisions(outcome):
        out.say(text)
    return code


def reason(message: str, outcome: Outcome | None) -> str:
    """Why it is over. Of an abort the reason for it: libvirt tells only that there was one."""
    for decision in () if outcome is None else outcome.decisions:
        if ends_it(decision):
            return f"{decision.reason.partition('; ')[0]}, after {show_time(decision.at)}"
    return message


def summary(name: str, outcome: Outcome, *, told: bool = False) -> list[str]:
    """What is said of a migration that moved its guest: without the decisions, if they were told already."""
    pause = "unknown" if outcome.downtime is None else show_time(outcome.downtime)
    lines = [
        f"{name}: {PLACES[outcome.guest_location]}",
        f"  time {show_time(outcome.total_time)}, pause {pause}, {show_size(outcome.bytes)} sent "
        f"in {show_passes(outcome.iterations)}",
    ]
    return lines + left_behind(outcome) + ([] if told else decisions(outcome))


def left_behind(outcome: Outcome) -> list[str]:
    """What belonged to the guest and did not come along."""
    return [f"  did not come along: {text}" for text in outcome.left_behind]


def decisions(outcome: Outcome) -> list[str]:
    """What was decided, with the reasons: of a failure too, which a deadline may have brought about."""
    return [f"  {decision.at:.1f} s  {decision}" for decision in outcome.decisions if not ends_it(decision)]
