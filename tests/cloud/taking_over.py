"""Scenarios in which the source's nova-compute ends as a guest moves, and is started again."""

from __future__ import annotations

from collections.abc import Callable

from .left import Left
from .stage import Stage


def _taken_over(
    stage: Stage,
    name: str,
    *acts: Callable[[Left], object],
    host: str,
    end: str,
    early: bool = False,
) -> Left:
    left = Left(stage, early=early)

    def play() -> None:
        left.leave()
        for act in acts:
            act(left)
        stage.acts.wait(left.guest)

    stage.step(name, left.guest, play, host=host, migration=end, more=left.more)
    return left


def runs_on(stage: Stage) -> None:
    """The job runs on; forced to complete by REST afterwards."""
    _taken_over(
        stage,
        "force-complete after it",
        Left.start,
        Left.wait_until_steered,
        Left.force,
        host="host2",
        end="completed",
    )


def aborted_after(stage: Stage) -> None:
    """The job runs on; aborted by REST afterwards."""
    _taken_over(
        stage,
        "abort after it",
        Left.start,
        Left.wait_until_steered,
        Left.cancel,
        host="host1",
        end="cancelled",
    )


def moved(stage: Stage) -> None:
    """The guest arrives before nova-compute is back; a hard reboot starts it where it is."""
    left = _taken_over(stage, "arrived before it", Left.arrive, Left.start, host="host2", end="completed")
    stage.step("hard reboot", left.guest, lambda: stage.acts.reboot(left.guest, "HARD"), host="host2")


def aborted(stage: Stage) -> None:
    """The migration is aborted before nova-compute is back."""
    _taken_over(stage, "aborted before it", Left.abort, Left.start, host="host1", end="failed")


def early(stage: Stage) -> None:
    """Killed as soon as there is a job."""
    acts = (Left.start, Left.wait_until_steered, Left.force)
    _taken_over(stage, "killed in setup", *acts, host="host2", end="completed", early=True)


def switchover(stage: Stage) -> None:
    """The guest is switched over as nova-compute starts."""
    acts = (Left.start, Left.switch_over)
    _taken_over(stage, "switched over in it", *acts, host="host2", end="completed")


def twice(stage: Stage) -> None:
    """Killed again as it takes over."""
    acts = (Left.start, Left.wait_until_steered, Left.kill, Left.start, Left.wait_until_steered, Left.force)
    _taken_over(stage, "killed again", *acts, host="host2", end="completed")


def twice_at_the_end(stage: Stage) -> None:
    """Killed again in Nova's post steps."""
    acts = (
        Left.arrive,
        Left.start,
        lambda left: left.wait_for("left: complete"),
        Left.kill,
        Left.start,
    )
    _taken_over(stage, "killed in the post steps", *acts, host="host2", end="completed")


def without_a_journal(stage: Stage) -> None:
    """The guest arrives, and nothing was kept."""
    acts = (Left.lose_journal, Left.arrive, Left.start)
    left = _taken_over(stage, "arrived, no journal", *acts, host="host2", end="completed")
    stage.step("hard reboot", left.guest, lambda: stage.acts.reboot(left.guest, "HARD"), host="host2")


def post_copy(stage: Stage) -> None:
    """Killed in post-copy."""
    left = Left(stage)

    def play() -> None:
        left.begin()
        left.switch()
        left.kill()
        left.start()
        stage.acts.wait(left.guest)

    stage.step("killed in post-copy", left.guest, play, host="host2", migration="completed", more=left.more)


def unit(stage: Stage) -> None:
    """SIGTERM, which does not end it as long as the guest moves, and SIGKILL after the unit's time-out."""
    left = Left(stage)

    def play() -> None:
        left.begin()
        left.stop()
        left.start()
        left.wait_until_steered()
        left.force()
        stage.acts.wait(left.guest)

    stage.step(
        "SIGTERM, killed after 90 s", left.guest, play, host="host2", migration="completed", more=left.more
    )


def unit_in_time(stage: Stage) -> None:
    """SIGTERM, and the guest arrives before the unit's time-out."""
    left = Left(stage)

    def play() -> None:
        left.begin()
        left.terminate()
        left.arrive()
        left.stop()
        left.start()
        stage.acts.wait(left.guest)

    stage.step("SIGTERM, in time", left.guest, play, host="host2", migration="completed", more=left.more)


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "runs on": runs_on,
    "abort": aborted_after,
    "arrived": moved,
    "aborted": aborted,
    "setup": early,
    "switchover": switchover,
    "twice": twice,
    "twice, post steps": twice_at_the_end,
    "no journal": without_a_journal,
    "post-copy": post_copy,
    "unit's time-out": unit,
    "unit, in time": unit_in_time,
}
