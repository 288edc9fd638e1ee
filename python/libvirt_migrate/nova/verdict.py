"""What is to be done about a live migration that nova-compute left behind when it ended: one function,
without Nova, libvirt or a clock.

What is known is what the journal says was begun (`Phase`), what Nova's database says of the instance
(`Record`), and where both hosts say that the guest is (`Spot`). What is not known is never guessed.
"""

from __future__ import annotations

import enum


class Phase(enum.Enum):
    """How far nova-compute had come, by the journal."""

    #: libvirt was asked to move the guest, or was about to be.
    MOVING = "moving"
    #: The guest was known to be at the destination, and Nova's post steps had begun.
    POST = "post"
    #: The guest was known to be at the source, and Nova's rollback had begun.
    ROLLBACK = "rollback"


class Record(enum.Enum):
    """What Nova's database says of the instance."""

    #: On this host, and migrating.
    MIGRATING = "migrating"
    #: On this host, with nothing going on.
    RESTS = "rests"
    #: On the destination of the migration.
    ARRIVED = "arrived"
    #: Deleted, on a third host, or busy with something else.
    AWAY = "away"


class Spot(enum.Enum):
    """Where the guest is, by both hosts."""

    #: At the source alone, and no job moves it.
    SOURCE = "source"
    #: At the destination alone.
    DESTINATION = "destination"
    #: Its job runs at the source.
    MOVING = "moving"
    #: Asking again may tell.
    UNSETTLED = "unsettled"
    #: In a state that no step of Nova's is right for: on both hosts, a broken post-copy, or at neither.
    BROKEN = "broken"


class Act(enum.Enum):
    """What is to be done."""

    #: Nothing, and the journal goes.
    FORGET = "forget"
    #: Follow and steer the job, then what its end asks for.
    STEER = "steer"
    #: Nova's post steps.
    COMPLETE = "complete"
    #: Nova's rollback.
    ROLL_BACK = "roll back"
    #: The post steps were done: only the end of the migration is missing in the database and placement.
    RECORD_POST = "record the move"
    #: The rollback was done: only its status is missing.
    RECORD_ROLLBACK = "record the rollback"
    #: Ask both hosts again; an answer that does not come is told.
    ASK = "ask again"
    #: Touch nothing, and tell the reason.
    LEAVE = "leave as it is"


#: Places, in the words of `Hosts.look`, that a migration passes through.
_BETWEEN = ("between the hosts", "in post-copy")


def spot(place: str, here: bool, job: bool) -> Spot:
    """The spot by `Hosts.look`'s word; `here` says that this host knows the guest, `job` that it runs a
    migration of it.
    """
    if here and (job or place in _BETWEEN):
        return Spot.MOVING
    if place.startswith("source-"):
        return Spot.SOURCE
    if place.startswith("destination-"):
        return Spot.DESTINATION
    if place == "unknown" or place in _BETWEEN:
        return Spot.UNSETTLED
    return Spot.BROKEN


def verdict(phase: Phase | None, record: Record, over: bool, where: Spot) -> Act:
    """What is to be done; `phase` is `None` without a journal, and `over` says that the database has an end
    of the migration.
    """
    if record is Record.AWAY:
        return Act.FORGET
    if record is Record.ARRIVED:
        return Act.FORGET if over or phase is None else _arrived(phase, where)
    if record is Record.RESTS:
        # Without a journal, or with an end, there is nothing that was left behind.
        if over or phase is None:
            return Act.FORGET
        if phase is Phase.ROLLBACK and where is Spot.SOURCE:
            return Act.RECORD_ROLLBACK
    return _migrating(phase, where)


def _arrived(phase: Phase, where: Spot) -> Act:
    # The post steps begin once the guest is known to be there, and they are what changes the host.
    if phase is Phase.POST or where is Spot.DESTINATION:
        return Act.RECORD_POST
    return Act.ASK if where in (Spot.UNSETTLED, Spot.MOVING) else Act.LEAVE


def _migrating(phase: Phase | None, where: Spot) -> Act:
    if where is Spot.UNSETTLED:
        return Act.ASK
    if where is Spot.DESTINATION and phase is not Phase.ROLLBACK:
        return Act.COMPLETE
    if where is Spot.SOURCE and phase is not Phase.POST:
        return Act.ROLL_BACK
    if where is Spot.MOVING and phase in (None, Phase.MOVING):
        return Act.STEER
    # Both hosts contradict each other, or the journal.
    return Act.LEAVE
