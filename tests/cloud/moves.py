"""Scenarios in which nothing breaks."""

from __future__ import annotations

import functools

from .seen import Seen
from .stage import Stage


def there_and_back(stage: Stage) -> None:
    """Created, moved, rebooted in both ways and moved back, with disks of each host's own."""
    acts, guest = stage.acts, stage.create("vm1")

    def remembers(seen: Seen) -> list[str]:
        """The guest checks its own memory: a page that was lost or is old is an error."""
        lines = [line for line in acts.console(guest).splitlines() if " e" in line]
        return [] if lines and lines[-1].endswith(" e00000000") else [f"the guest says {lines[-1:]}"]

    def migrate(host: str) -> None:
        stage.step(
            f"live-migrate to {host}",
            guest,
            lambda: acts.migrate(guest, host),
            host=host,
            migration="completed",
            more=remembers,
        )

    migrate("host2")
    stage.step(
        "soft reboot",
        guest,
        lambda: acts.reboot(guest, "SOFT"),
        host="host2",
        more=lambda seen: _obeyed(stage, guest),
    )
    stage.step("hard reboot", guest, lambda: acts.reboot(guest, "HARD"), host="host2")
    migrate("host1")


def _obeyed(stage: Stage, guest: str) -> list[str]:
    """Nova ends a guest by force that does not obey its power button in time, and says so."""
    said = f"[instance: {guest}] Instance soft rebooted successfully"
    return (
        []
        if said in stage.cloud.computes["host2"].log.read_text()
        else ["the guest did not switch itself off"]
    )


def shared(stage: Stage) -> None:
    """The same with one folder of instances for both hosts."""
    for compute in stage.cloud.computes.values():
        compute.share()
    try:
        there_and_back(stage)
    finally:
        stage.clear()
        for compute in stage.cloud.computes.values():
            compute.unshare()


def five(stage: Stage) -> None:
    """Five guests leave a host at once, as `nova host-evacuate-live` has them."""
    acts = stage.acts
    guests = [stage.create(f"vm{number}") for number in range(1, 6)]
    for guest in guests:
        acts.start_migration(guest, None)
    for number, guest in enumerate(guests, 1):
        stage.step(
            f"vm{number} has left host1",
            guest,
            functools.partial(acts.wait, guest),
            host="host2",
            migration="completed",
        )
