"""Faults of this package's own, which end nothing: a guest that moves has to be followed to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: How many different faults of one part are told.
_MOST = 5


class Faults:
    """What went wrong in the watch over one migration, told once each."""

    def __init__(self, instance: Any) -> None:
        self._instance = instance
        self._told: dict[str, set[str]] = {}

    @contextmanager
    def told(self, part: str) -> Iterator[None]:
        """Goes on after an exception, which is logged with its traceback under the name of the part."""
        try:
            yield
        except Exception as error:
            self.tell(part, error)

    def tell(self, part: str, error: Exception, traceback: bool = True) -> None:
        """Logs a fault that was not logged before."""
        texts = self._told.setdefault(part, set())
        text = f"{type(error).__name__}: {error}"
        if text in texts or len(texts) >= _MOST:
            return
        texts.add(text)
        LOG.warning(
            "%s failed; the migration goes on and is followed to its end: %s",
            part,
            text,
            instance=self._instance,
            exc_info=traceback,
        )
