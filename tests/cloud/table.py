"""All scenarios, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Callable

from . import moves, outages, steering, taking_over
from .stage import Stage

Scenario = Callable[[Stage], None]

#: Those of `make cloud`: all with the settings that the cloud is started with.
SHORT: dict[str, Scenario] = {
    "own disks": moves.there_and_back,
    "shared disks": moves.shared,
    "abort": steering.abort,
    "force-complete": steering.force_by_pause,
}

#: Those of `make cloud-all` beside them. What comes last starts nova-compute with other settings.
MORE: dict[str, Scenario] = {
    "five at once": moves.five,
    "database": outages.database,
    "message bus": outages.message_bus,
    "destination": outages.destination,
    "post-copy": steering.force_by_post_copy,
    "timeout, abort": steering.timeout_abort,
    "timeout, pause": steering.timeout_force,
    "timeout, post-copy": steering.timeout_post_copy,
}

#: nova-compute is killed in a migration, and started again.
LEFT: dict[str, Scenario] = {f"restart, {name}": play for name, play in taking_over.SCENARIOS.items()}

ALL = SHORT | MORE | LEFT
