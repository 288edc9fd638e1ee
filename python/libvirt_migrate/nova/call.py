"""The blocking call of one migration, known by its instance: what Nova's own code runs beside the monitor.

`_live_migration` starts it, `_live_migration_operation` is it, and the monitor waits for its end. What Nova
hands the monitor for that differs by release, and tells less: this is the same everywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Call:
    """One call."""

    def __init__(self) -> None:
        self._over = threading.Event()
        #: What it raised, once it is over.
        self.error: BaseException | None = None
        #: libvirt took an abort of it.
        self.aborted = False
        #: The migration's journal, where there is one.
        self.keeper: Any = None

    def abort_was_taken(self) -> None:
        """libvirt took an abort of it."""
        self.aborted = True
        if self.keeper is not None:
            self.keeper.change(aborted=True)

    def end(self, error: BaseException | None) -> None:
        """It has returned, or raised."""
        self.error = error
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether it has returned or raised."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits until it is over, `seconds` at most, and says whether it is."""
        return bool(self._over.wait(seconds))


#: By the instance's uuid, of which Nova migrates one at a time.
_calls: dict[Any, Call] = {}


@contextmanager
def following(instance: Any) -> Iterator[Call]:
    """The instance's call, while somebody follows it to its end."""
    call = _calls[instance.uuid] = Call()
    try:
        yield call
    finally:
        if _calls.get(instance.uuid) is call:
            del _calls[instance.uuid]


def claim(uuid: str) -> Call:
    """The instance's migration is somebody's, before there is a call to follow: an abort is known from here
    on.
    """
    _calls[uuid] = Call()
    return _calls[uuid]


def release(uuid: str) -> None:
    """Takes a claim back."""
    _calls.pop(uuid, None)


def of_uuid(uuid: str) -> Call | None:
    """As `of`, by the instance's uuid."""
    return _calls.get(uuid)


def of(instance: Any) -> Call | None:
    """The call that is followed; `None` where none is."""
    return _calls.get(getattr(instance, "uuid", None))
