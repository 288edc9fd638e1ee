"""All scenarios, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import moves, outages, steering, taking_over
from .settings import Sections
from .stage import Stage
from .steering import POST_COPY, SLOW


@dataclass(frozen=True)
class Scenario:
    """What is played, and the settings of nova-compute that it is played with."""

    play: Callable[[Stage], None]
    options: Sections


#: Those of `make cloud`: all with the settings that the cloud is started with.
SHORT: dict[str, Scenario] = {
    "own disks": Scenario(moves.there_and_back, SLOW),
    "shared disks": Scenario(moves.shared, SLOW),
    "abort": Scenario(steering.abort, SLOW),
    "force-complete": Scenario(steering.force_by_pause, SLOW),
}

#: Those of `make cloud-all` beside them. What comes last has nova-compute started with other settings.
MORE: dict[str, Scenario] = {
    "five at once": Scenario(moves.five, SLOW),
    "database": Scenario(outages.database, SLOW),
    "message bus": Scenario(outages.message_bus, SLOW),
    "destination, late": Scenario(outages.destination_late, SLOW),
    "destination": Scenario(outages.destination, outages.PATIENT),
    "post-copy": Scenario(steering.force_by_post_copy, POST_COPY),
    "timeout, abort": Scenario(steering.timeout_abort, steering.TIMEOUT_ABORT),
    "timeout, pause": Scenario(steering.timeout_force, steering.TIMEOUT_FORCE),
    "timeout, post-copy": Scenario(steering.timeout_post_copy, steering.TIMEOUT_POST_COPY),
}

#: nova-compute ends in a migration, and is started again.
LEFT: dict[str, Scenario] = {
    f"restart, {name}": Scenario(play, POST_COPY if name == "post-copy" else SLOW)
    for name, play in taking_over.SCENARIOS.items()
}

ALL = SHORT | MORE | LEFT


def _named(*names: str) -> Iterable[tuple[str, Scenario]]:
    return ((name, ALL[name]) for name in names)


#: Those that Nova's own driver plays beside the drop-in: where the two may differ.
BESIDE: dict[str, Scenario] = SHORT | dict(
    _named(
        *("five at once", "database", "message bus", "destination, late", "destination"),
        *("post-copy", "timeout, abort", "timeout, pause", "timeout, post-copy"),
        *("restart, runs on", "restart, arrived", "restart, aborted", "restart, unit's time-out"),
    )
)

#: Those that depend on Nova's mode, and on where the drop-in is called from: in eventlet mode, and before 34.
SEAMS: dict[str, Scenario] = SHORT | dict(
    _named(
        *("post-copy", "timeout, abort"),
        *(
            "restart, runs on",
            "restart, abort",
            "restart, arrived",
            "restart, aborted",
            "restart, no journal",
        ),
    )
)
