"""Scenarios in which something that Nova needs is away for a while as a guest moves."""

from __future__ import annotations

import time
from collections.abc import Callable

from .settings import Sections
from .stage import Stage
from .steering import SLOW

_AWAY = 10.0
#: How long the source waits for the destination, in seconds: longer than any nova-compute takes to start.
PATIENT: Sections = {**SLOW, "DEFAULT": {"rpc_response_timeout": 300}}


def _moved(stage: Stage, name: str, outage: Callable[[], None]) -> None:
    """Something is away in the middle of a migration, which completes all the same."""
    acts, guest = stage.acts, stage.create("busy", image="busy", flavor="big")

    def migrate() -> None:
        acts.start_migration(guest, "host2")
        acts.wait_until_copying(guest)
        outage()
        acts.force_complete(guest)
        acts.wait(guest)

    stage.step(name, guest, migrate, host="host2", migration="completed")


def database(stage: Stage) -> None:
    """MariaDB is away for ten seconds."""
    control = stage.cloud.control

    def away() -> None:
        control.maria.stop(patience=60)
        time.sleep(_AWAY)
        control.start_database()
        # Clients find out one after the other, and Nova's own retries take their time.
        time.sleep(_AWAY)

    _moved(stage, "database away", away)


def message_bus(stage: Stage) -> None:
    """RabbitMQ is restarted."""
    control = stage.cloud.control

    def restart() -> None:
        control.rabbit.stop(patience=60)
        control.rabbit.start()
        control.wait(control.rabbit, 5672)
        stage.cloud.wait_for_computes()

    _moved(stage, "RabbitMQ restarted", restart)


def destination(stage: Stage) -> None:
    """The destination's nova-compute is killed, and comes back once the guest has arrived."""
    _destination_away(stage, "back in time", _at_once)


def destination_late(stage: Stage) -> None:
    """It comes back once the source's has given up.

    The last of Nova's steps are the destination's, and nobody else can do them: the instance goes to ERROR,
    which an administrator takes back. All else has to be right.
    """

    def given_up(guest: str) -> None:
        stage.acts.wait(guest)

    _destination_away(stage, "back too late", given_up, status="ERROR", end="error")


def _at_once(_guest: str) -> None:
    pass


def _destination_away(
    stage: Stage, name: str, then: Callable[[str], None], *, status: str = "ACTIVE", end: str = "completed"
) -> None:
    compute = stage.cloud.computes["host2"]
    acts, guest = stage.acts, stage.create("busy", image="busy", flavor="big")

    def migrate() -> None:
        acts.start_migration(guest, "host2")
        acts.wait_until_copying(guest)
        compute.kill()
        acts.force_complete(guest)
        acts.until(lambda: _is_at(stage, guest, "host2"), "the guest's arrival")
        then(guest)
        compute.start(eventlet=stage.side.eventlet)
        stage.cloud.wait_for_computes()
        acts.wait(guest)

    step = f"destination's nova-compute killed, {name}"
    stage.step(step, guest, migrate, host="host2", status=status, migration=end)


def _is_at(stage: Stage, guest: str, host: str) -> bool:
    connection = stage.cloud.computes[host].host.connection()
    return any(
        domain.UUIDString() == guest and domain.state()[0] == 1 for domain in connection.listAllDomains()
    )
