"""Where a guest is, by asking both hosts over fresh connections: for an end that the call does not tell."""

from __future__ import annotations

import time
from typing import Any, Literal

from oslo_log import log as logging

import libvirt_migrate

from .threads import run_blocking

LOG = logging.getLogger(__name__)

#: How long hosts are asked again while their answers prove nothing, s: a daemon that is restarted answers
#: again by then, and a guest between the two hosts is at one of them.
ASK_FOR = 30.0
#: Between two questions, s.
PAUSE = 1.0
#: How long one question may take, s.
PATIENCE = 10.0

#: What one host says of a guest: libvirt's state and its reason, `False` where it does not know it, `None`
#: where it does not answer.
Said = tuple[int, int] | Literal[False] | None

UNKNOWN = "unknown"
#: Answers that asking again may change.
_UNSETTLED = (UNKNOWN, "between the hosts", "in post-copy")

#: What they are to the engine.
_PLACES = {
    "on both hosts": "both-running",
    **dict.fromkeys(_UNSETTLED, UNKNOWN),
}


def location(place: str) -> str:
    """A place in the words of `MigrationFailed.guest_location`."""
    return _PLACES.get(place, place)


class Hosts:
    """The two hosts of a guest's migration."""

    def __init__(self, instance: Any, source: str | None, destination: str | None) -> None:
        self._instance, self._source, self._destination = instance, source, destination

    @property
    def can_be_asked(self) -> bool:
        """Whether it is known who is to be asked."""
        return isinstance(self._source, str) and isinstance(self._destination, str)

    def find(self) -> str:
        """Where the guest is, as `MigrationFailed.guest_location` says it; or why nobody knows: `between the
        hosts`, `in post-copy`, `on both hosts`. Asks again for a while where the answers prove nothing.
        """
        until = time.monotonic() + ASK_FOR
        while (place := self.look()) in _UNSETTLED and time.monotonic() < until:
            time.sleep(PAUSE)
        return place

    def look(self) -> str:
        """As `find`, by the answers of now."""
        if not self.can_be_asked:
            return UNKNOWN
        try:
            return _judge(self._asked())
        except Exception as error:
            self._tell(error)
            return UNKNOWN

    def answers(self) -> tuple[Said, Said]:
        """What the source and the destination say now."""
        try:
            source, destination = (_said(answer) for answer in self._asked().answers)
        except Exception as error:
            self._tell(error)
            return None, None
        return source, destination

    def _asked(self) -> Any:
        return run_blocking(_where_is, self._instance.uuid, [self._source, self._destination])

    def _tell(self, error: Exception) -> None:
        LOG.warning("Both hosts cannot be asked for the guest: %s", error, instance=self._instance)


def _where_is(uuid: str, hosts: list[Any]) -> Any:
    return libvirt_migrate.where_is(uuid, hosts, timeout=PATIENCE)


def _said(answer: Any) -> Said:
    if answer.error is not None:
        return None
    return False if answer.state is None else (answer.state.code, answer.state.reason_code)


def _judge(found: Any) -> str:
    """The place that both answers prove. A host that cannot be asked may have the guest as well."""
    if any(answer.error is not None for answer in found.answers):
        return UNKNOWN
    # In post-copy the destination's guest runs with a part of its memory elsewhere: it has not arrived.
    words = {"migrating": "between the hosts", "post-copy": "in post-copy", "several": "on both hosts"}
    if found.state in words:
        return words[found.state]
    source, destination = (
        None if answer.state is None else (answer.state.code, answer.state.reason_code)
        for answer in found.answers
    )
    return libvirt_migrate.guest_location(source, destination)
