"""What is done about a live migration that nova-compute left: the whole table, and what always holds."""

from __future__ import annotations

import itertools

import pytest

from libvirt_migrate.nova.verdict import Act, Phase, Record, Spot, spot, verdict

PHASES = (None, *Phase)
ALL = list(itertools.product(PHASES, Record, (False, True), Spot))

#: An instance that migrates, by what was begun: the guest is at the source, at the destination, moving,
#: unsettled, broken.
MIGRATING = {
    None: (Act.ROLL_BACK, Act.COMPLETE, Act.STEER, Act.ASK, Act.LEAVE),
    Phase.MOVING: (Act.ROLL_BACK, Act.COMPLETE, Act.STEER, Act.ASK, Act.LEAVE),
    Phase.POST: (Act.LEAVE, Act.COMPLETE, Act.LEAVE, Act.ASK, Act.LEAVE),
    Phase.ROLLBACK: (Act.ROLL_BACK, Act.LEAVE, Act.LEAVE, Act.ASK, Act.LEAVE),
}
#: One that is on the destination, where the database has no end of the migration.
ARRIVED = {
    None: (Act.FORGET,) * 5,
    Phase.MOVING: (Act.LEAVE, Act.RECORD_POST, Act.ASK, Act.ASK, Act.LEAVE),
    Phase.POST: (Act.RECORD_POST,) * 5,
    Phase.ROLLBACK: (Act.LEAVE, Act.RECORD_POST, Act.ASK, Act.ASK, Act.LEAVE),
}
#: One that rests on the source, where the database has no end of the migration.
RESTS = MIGRATING | {
    None: (Act.FORGET,) * 5,
    Phase.ROLLBACK: (Act.RECORD_ROLLBACK, Act.LEAVE, Act.LEAVE, Act.ASK, Act.LEAVE),
}


@pytest.mark.parametrize(("phase", "record", "over", "where"), ALL)
def test_the_table(phase: Phase | None, record: Record, over: bool, where: Spot) -> None:
    column = list(Spot).index(where)
    if record is Record.MIGRATING:
        expected = MIGRATING[phase][column]
    elif record is Record.AWAY or over:
        expected = Act.FORGET
    else:
        expected = (ARRIVED if record is Record.ARRIVED else RESTS)[phase][column]
    assert verdict(phase, record, over, where) is expected


@pytest.mark.parametrize(("phase", "record", "over", "where"), ALL)
def test_nothing_is_done_on_a_guess(phase: Phase | None, record: Record, over: bool, where: Spot) -> None:
    act = verdict(phase, record, over, where)
    # Each step that removes something at one host needs the guest at the other.
    needs = {
        Act.COMPLETE: {Spot.DESTINATION},
        Act.ROLL_BACK: {Spot.SOURCE},
        Act.RECORD_ROLLBACK: {Spot.SOURCE},
        Act.STEER: {Spot.MOVING},
    }
    assert where in needs.get(act, set(Spot))
    if act in (Act.COMPLETE, Act.ROLL_BACK, Act.STEER):
        assert record in (Record.MIGRATING, Record.RESTS)
    if where is Spot.UNSETTLED:
        assert act in (Act.ASK, Act.FORGET, Act.RECORD_POST)


@pytest.mark.parametrize(
    ("place", "here", "job", "expected"),
    [
        ("source-running", True, False, Spot.SOURCE),
        ("source-paused", True, False, Spot.SOURCE),
        ("source-shut-off", True, False, Spot.SOURCE),
        ("source-running", True, True, Spot.MOVING),
        ("destination-running", False, False, Spot.DESTINATION),
        ("destination-paused", False, False, Spot.DESTINATION),
        ("destination-shut-off", False, False, Spot.DESTINATION),
        ("between the hosts", True, True, Spot.MOVING),
        ("between the hosts", True, False, Spot.MOVING),
        ("in post-copy", True, False, Spot.MOVING),
        # The source has gone, and the destination waits for it: that may end either way.
        ("between the hosts", False, False, Spot.UNSETTLED),
        ("in post-copy", False, False, Spot.UNSETTLED),
        # The destination does not answer, but the job runs.
        ("unknown", True, True, Spot.MOVING),
        ("unknown", True, False, Spot.UNSETTLED),
        ("unknown", False, False, Spot.UNSETTLED),
        ("both-paused", True, True, Spot.MOVING),
        ("both-paused", True, False, Spot.BROKEN),
        ("both-running", True, False, Spot.BROKEN),
        ("on both hosts", True, False, Spot.BROKEN),
        ("post-copy-broken", True, False, Spot.BROKEN),
        ("both-shut-off", True, False, Spot.BROKEN),
        ("absent", False, False, Spot.BROKEN),
    ],
)
def test_where_the_guest_is(place: str, here: bool, job: bool, expected: Spot) -> None:
    assert spot(place, here, job) is expected
