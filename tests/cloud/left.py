"""A guest on its way, whose nova-compute at the source is ended in the middle of it."""

from __future__ import annotations

from typing import Any

from . import places
from .seen import Seen
from .stage import Stage

#: Where the drop-in keeps what it needs.
_JOURNALS = places.STATE / "libvirt-migrate"
#: ms: longer than the guest's memory takes, so that the migration ends now.
_ANY_PAUSE = 120_000


class Left:
    """A guest on its way from host1 to host2, and the nova-compute that it leaves."""

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

    def stop(self) -> None:
        """Ends nova-compute as a unit of systemd does: asked to, and after 90 s killed."""
        self._compute.stop()
        self._read = len(self._compute.log.read_bytes())

    def terminate(self) -> None:
        """Asks nova-compute to end, and does not wait."""
        self._compute.service.send("TERM")

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

    def wait_until_steered(self) -> None:
        """Waits until the migration has been taken over; stock Nova has no word for it."""
        if self._stage.side.stock:
            self._stage.cloud.wait_for_computes(["host1"])
        else:
            self.wait_for("left: steer")

    def force(self) -> None:
        """Forces it to complete, by REST."""
        self._stage.acts.force_complete(self.guest)

    def cancel(self) -> None:
        """Aborts it, by REST."""
        self._stage.acts.abort(self.guest)

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
