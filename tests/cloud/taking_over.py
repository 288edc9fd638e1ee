"""Scenarios in which the source's nova-compute ends as a guest moves, and is started again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import places
from .seen import Seen
from .stage import Stage
from .steering import POST_COPY

#: Where the drop-in keeps what it needs.
_JOURNALS = places.STATE / "libvirt-migrate"
#: ms: longer than the guest's memory takes, so that the migration ends now.
_ANY_PAUSE = 120_000


class _Left:
    """A guest on its way from host1 to host2, whose nova-compute has been killed."""

    def __init__(self, stage: Stage, *, early: bool = False) -> None:
        self._stage, self._compute = stage, stage.cloud.computes["host1"]
        self.guest = stage.create("left", image="busy", flavor="big")
        self._read = 0
        self.early = early

    def leave(self) -> None:
        """Begins to move the guest, and kills nova-compute."""
        self.begin()
        self.kill()

    def begin(self) -> None:
        """Begins to move the guest."""
        acts = self._stage.acts
        acts.start_migration(self.guest, "host2")
        part = "type" if self.early else "memory_processed"
        acts.until(lambda: bool(self._domain("host1").jobStats().get(part)), "a job")

    def kill(self) -> None:
        """Kills nova-compute."""
        self._compute.kill()
        self._read = len(self._compute.log.read_bytes())

    def start(self) -> None:
        """Starts nova-compute again."""
        self._compute.start(eventlet=self._stage.side.eventlet)

    def wait_for(self, text: str) -> None:
        """Waits until nova-compute has logged something since it was killed."""
        log = self._compute.log
        self._stage.acts.until(
            lambda: text.encode() in log.read_bytes()[self._read :], f"“{text}” in the log"
        )

    def _domain(self, host: str) -> Any:
        for domain in self._stage.cloud.computes[host].host.connection().listAllDomains():
            if domain.UUIDString() == self.guest:
                return domain
        raise AssertionError(f"the guest is not at {host}")

    def is_at(self, host: str) -> bool:
        """Whether the host has the guest."""
        connection = self._stage.cloud.computes[host].host.connection()
        return any(domain.UUIDString() == self.guest for domain in connection.listAllDomains(1))

    def switch_over(self) -> None:
        """Has the migration come to its end."""
        self._domain("host1").migrateSetMaxDowntime(_ANY_PAUSE)

    def arrive(self) -> None:
        """Has the migration complete."""
        self.switch_over()
        self._stage.acts.until(lambda: not self.is_at("host1"), "the guest's arrival")

    def abort(self) -> None:
        """Aborts the migration, as with virsh."""
        self._domain("host1").abortJob()
        self._stage.acts.until(lambda: not self.is_at("host2"), "the end of the job")

    def switch(self) -> None:
        """Switches to post-copy."""
        self._domain("host1").migrateStartPostCopy()
        self._stage.acts.until(lambda: self._domain("host2").state()[0] == 1, "post-copy")

    def lose_journal(self) -> None:
        """As if the disk had been lost, or the drop-in installed meanwhile."""
        self._compute.host.run("rm", "-rf", str(_JOURNALS))

    def more(self, _: Seen) -> list[str]:
        """What is left of the journal."""
        kept = self._compute.host.run("sh", "-c", f"ls -A {_JOURNALS} 2>/dev/null; true").split()
        return [f"there is a journal: {kept}"] if kept else []


def _taken_over(
    stage: Stage,
    name: str,
    *acts: Callable[[_Left], object],
    host: str,
    end: str,
    early: bool = False,
) -> _Left:
    left = _Left(stage, early=early)

    def play() -> None:
        left.leave()
        for act in acts:
            act(left)
        stage.acts.wait(left.guest)

    stage.step(name, left.guest, play, host=host, migration=end, more=left.more)
    return left


def _force(left: _Left) -> None:
    left._stage.acts.force_complete(left.guest)


def _abort(left: _Left) -> None:
    left._stage.acts.abort(left.guest)


def _steered(left: _Left) -> None:
    left.wait_for("left: steer")


def runs_on(stage: Stage) -> None:
    """The job runs on; forced to complete by REST afterwards."""
    _taken_over(
        stage, "force-complete after it", _Left.start, _steered, _force, host="host2", end="completed"
    )


def aborted_after(stage: Stage) -> None:
    """The job runs on; aborted by REST afterwards."""
    _taken_over(stage, "abort after it", _Left.start, _steered, _abort, host="host1", end="cancelled")


def moved(stage: Stage) -> None:
    """The guest arrives before nova-compute is back; a hard reboot starts it where it is."""
    left = _taken_over(stage, "arrived before it", _Left.arrive, _Left.start, host="host2", end="completed")
    stage.step("hard reboot", left.guest, lambda: stage.acts.reboot(left.guest, "HARD"), host="host2")


def aborted(stage: Stage) -> None:
    """The migration is aborted before nova-compute is back."""
    _taken_over(stage, "aborted before it", _Left.abort, _Left.start, host="host1", end="failed")


def early(stage: Stage) -> None:
    """Killed as soon as there is a job."""
    acts = (_Left.start, _steered, _force)
    _taken_over(stage, "killed in setup", *acts, host="host2", end="completed", early=True)


def switchover(stage: Stage) -> None:
    """The guest is switched over as nova-compute starts."""
    acts = (_Left.start, _Left.switch_over)
    _taken_over(stage, "switched over in it", *acts, host="host2", end="completed")


def twice(stage: Stage) -> None:
    """Killed again as it takes over."""
    acts = (_Left.start, _steered, _Left.kill, _Left.start, _steered, _force)
    _taken_over(stage, "killed again", *acts, host="host2", end="completed")


def twice_at_the_end(stage: Stage) -> None:
    """Killed again in Nova's post steps."""
    acts = (
        _Left.arrive,
        _Left.start,
        lambda left: left.wait_for("left: complete"),
        _Left.kill,
        _Left.start,
    )
    _taken_over(stage, "killed in the post steps", *acts, host="host2", end="completed")


def without_a_journal(stage: Stage) -> None:
    """The guest arrives, and nothing was kept."""
    acts = (_Left.lose_journal, _Left.arrive, _Left.start)
    left = _taken_over(stage, "arrived, no journal", *acts, host="host2", end="completed")
    stage.step("hard reboot", left.guest, lambda: stage.acts.reboot(left.guest, "HARD"), host="host2")


def post_copy(stage: Stage) -> None:
    """Killed in post-copy."""
    stage.restart_computes(POST_COPY)
    left = _Left(stage)

    def play() -> None:
        left.begin()
        left.switch()
        left.kill()
        left.start()
        stage.acts.wait(left.guest)

    stage.step("killed in post-copy", left.guest, play, host="host2", migration="completed", more=left.more)


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
}
