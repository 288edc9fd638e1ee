"""Scenarios of a guest that changes its memory faster than the network carries it."""

from __future__ import annotations

from collections.abc import Callable

from .settings import Sections
from .stage import Stage

#: MiB/s: less than the guest changes, so that the migration has no end by itself.
SLOW: Sections = {"libvirt": {"live_migration_bandwidth": 20}}
POST_COPY: Sections = {"libvirt": {"live_migration_bandwidth": 20, "live_migration_permit_post_copy": "true"}}


def _timeout(action: str, **more: object) -> Sections:
    # Seconds for each GiB, of which Nova counts two at least.
    options = {"live_migration_completion_timeout": 10, "live_migration_timeout_action": action}
    return {"libvirt": {"live_migration_bandwidth": 20, **options, **more}}


TIMEOUT_ABORT = _timeout("abort")
TIMEOUT_FORCE = _timeout("force_complete")
TIMEOUT_POST_COPY = _timeout("force_complete", live_migration_permit_post_copy="true")


def _steered(stage: Stage, name: str, act: Callable[[str], None], *, host: str, end: str) -> None:
    acts, guest = stage.acts, stage.create("busy", image="busy", flavor="big")

    def steer() -> None:
        acts.start_migration(guest, "host2")
        acts.wait_until_copying(guest)
        act(guest)
        acts.wait(guest)

    stage.step(name, guest, steer, host=host, migration=end)


def abort(stage: Stage) -> None:
    """Aborted by REST: the guest stays."""
    _steered(stage, "abort", stage.acts.abort, host="host1", end="cancelled")


def force_by_pause(stage: Stage) -> None:
    """Forced to complete by REST, at the price of a pause."""
    _steered(stage, "force-complete, pause", stage.acts.force_complete, host="host2", end="completed")


def force_by_post_copy(stage: Stage) -> None:
    """Forced to complete by REST where post-copy is permitted."""
    _steered(stage, "force-complete, post-copy", stage.acts.force_complete, host="host2", end="completed")


def _nothing(_guest: str) -> None:
    pass


def timeout_abort(stage: Stage) -> None:
    """Nobody steers it; the completion timeout aborts."""
    _steered(stage, "timeout, abort", _nothing, host="host1", end="cancelled")


def timeout_force(stage: Stage) -> None:
    """Nobody steers it; the completion timeout forces it by a pause."""
    _steered(stage, "timeout, force_complete", _nothing, host="host2", end="completed")


def timeout_post_copy(stage: Stage) -> None:
    """Nobody steers it; the completion timeout forces it by post-copy."""
    _steered(stage, "timeout, post-copy", _nothing, host="host2", end="completed")
