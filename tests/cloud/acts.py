"""What is done to a guest by REST, and waiting for its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .cloud import Cloud
from .seen import migrations_of

VERSION = "2.90"
#: Nova's words for migrations that are over.
OVER = frozenset({"completed", "failed", "error", "cancelled"})
#: How long it has to stay so until it is believed: an error may follow a moment after the end, in seconds.
_STABLE = 2.0
#: libvirt's numbers for jobs that run: bounded and unbounded.
_RUNNING = (1, 2)


class Acts:
    """REST calls of an administrator."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    @property
    def _compute(self) -> Any:
        return self.cloud.connection.compute

    def create(self, name: str, host: str, *, image: str = "calm", flavor: str = "small") -> str:
        """A guest at a host, once it runs; returns its uuid."""
        connection = self.cloud.connection
        body = {
            "name": name,
            "host": host,
            "networks": "none",
            "imageRef": connection.image.find_image(image).id,
            "flavorRef": connection.compute.find_flavor(flavor).id,
        }
        answer = self._compute.post("/servers", json={"server": body}, microversion=VERSION)
        identity = str(_checked(answer).json()["server"]["id"])
        self.wait(identity)
        return identity

    def start_migration(self, identity: str, host: str | None) -> None:
        """Asks for a live migration to a host, or to one that Nova chooses."""
        before = len(migrations_of(self.cloud, identity))
        self._act(identity, {"os-migrateLive": {"host": host, "block_migration": "auto"}})
        self.until(lambda: len(migrations_of(self.cloud, identity)) > before, "a migration")

    def migrate(self, identity: str, host: str | None, *, patience: float = 600) -> str:
        """A live migration and its end: Nova's word for it."""
        self.start_migration(identity, host)
        return self.wait(identity, patience=patience)

    def wait_until_copying(self, identity: str) -> None:
        """Waits until a migration has begun to send memory."""

        def copying() -> bool:
            migration = migrations_of(self.cloud, identity)[-1]
            if migration["status"] in OVER:
                raise AssertionError(f"the migration is over: {migration['status']}")
            return migration["status"] == "running" and self._sends(identity, migration["source_compute"])

        self.until(copying, "a migration that sends memory")

    def _sends(self, identity: str, source: str) -> bool:
        """Whether libvirt at the source says that memory has gone out."""
        import libvirt

        for domain in self.cloud.computes[source].host.connection().listAllDomains(1):
            if domain.UUIDString() == identity:
                try:
                    job = domain.jobStats()
                except libvirt.libvirtError:
                    # It has left between the two questions; the migration's record tells that.
                    return False
                return job["type"] in _RUNNING and job.get("memory_processed", 0) > 0
        return False

    def abort(self, identity: str) -> None:
        """Aborts the running migration."""
        _checked(self._compute.delete(self._running(identity), microversion=VERSION))

    def force_complete(self, identity: str) -> None:
        """Has the running migration end at the price of a pause, or by post-copy where that is permitted."""
        path = f"{self._running(identity)}/action"
        _checked(self._compute.post(path, json={"force_complete": None}, microversion=VERSION))

    def _running(self, identity: str) -> str:
        return f"/servers/{identity}/migrations/{migrations_of(self.cloud, identity)[-1]['id']}"

    def reboot(self, identity: str, kind: str) -> None:
        """A SOFT reboot, which the guest has a part in, or a HARD one, and its end."""
        self._act(identity, {"reboot": {"type": kind}})
        self.wait(identity)

    def delete(self, identity: str) -> None:
        """Deletes a guest."""
        _checked(self._compute.delete(f"/servers/{identity}", microversion=VERSION))
        asked = "select 1 from nova_cell1.instances where uuid = %s and deleted = 0"
        self.until(lambda: not self.cloud.control.sql(asked, identity), "the guest's end")

    def console(self, identity: str) -> str:
        """The last of what the guest has said."""
        answer = self._act(identity, {"os-getConsoleOutput": {"length": 40}})
        return str(answer.json()["output"])

    def _act(self, identity: str, body: dict[str, Any]) -> Any:
        return _checked(self._compute.post(f"/servers/{identity}/action", json=body, microversion=VERSION))

    def wait(self, identity: str, *, patience: float = 600) -> str:
        """Waits until nothing goes on with a guest any more; returns how its newest migration has ended."""
        calm_since = time.monotonic()
        deadline = calm_since + patience
        last: object = None
        while True:
            row, migration = self._rest(identity)
            busy = row["task_state"] is not None or (migration not in (None, *OVER))
            if busy or row["vm_state"] == "building" or (row, migration) != last:
                calm_since = time.monotonic()
            elif time.monotonic() - calm_since > _STABLE:
                return migration or ""
            last = (row, migration)
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not end within {patience:g} s: {row}, migration {migration}")
            time.sleep(0.25)

    def _rest(self, identity: str) -> tuple[dict[str, Any], str | None]:
        rows = self.cloud.control.sql(
            "select vm_state, task_state, host from nova_cell1.instances where uuid = %s", identity
        )
        migrations = migrations_of(self.cloud, identity)
        # It is nowhere yet until the scheduler has chosen.
        row = rows[0] if rows else {"vm_state": "building", "task_state": None, "host": None}
        return row, str(migrations[-1]["status"]) if migrations else None

    @staticmethod
    def until(condition: Callable[[], bool], what: str, *, patience: float = 300) -> None:
        """Waits until something is so."""
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} was waited for in vain")
            time.sleep(0.2)


def _checked(answer: Any) -> Any:
    if answer.status_code >= 400:
        raise AssertionError(f"the API refuses it: {answer.status_code} {answer.text[:300]}")
    return answer
