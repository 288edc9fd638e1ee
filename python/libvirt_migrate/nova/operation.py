"""The blocking call of a migration, which runs beside the monitor: whether it is over, and how it went.

Nova 31 hands the monitor an eventlet event, later releases a future.
"""

from __future__ import annotations

from concurrent.futures import CancelledError, TimeoutError
from typing import Any


class Operation:
    """One running call."""

    def __init__(self, handle: Any, guest: Any) -> None:
        self._handle = handle
        self._guest = guest
        # A Mock has every attribute, so a future is what is looked for first.
        self._is_future = hasattr(handle, "done")

    def done(self) -> bool:
        """Whether the call has returned."""
        return bool(self._handle.done() if self._is_future else self._handle.ready())

    def wait(self, seconds: float) -> bool:
        """Waits until the call has returned, `seconds` at most, and says whether it has.

        Other threads, or green threads, go on meanwhile.
        """
        if not self._is_future:
            self._handle.wait(timeout=seconds)
            return self.done()
        try:
            self._handle.result(timeout=seconds)
        except TimeoutError:
            # The call's own exception may be one as well.
            return self.done()
        except (Exception, CancelledError):
            return True
        return True

    def error(self) -> BaseException | None:
        """What the call raised, once it is over; the guest keeps it where the handle does not."""
        error = getattr(self._guest, "migration_error", None)
        if isinstance(error, BaseException):
            return error
        if not self._is_future or not self.done():
            return None
        try:
            self._handle.result(timeout=0)
        except (Exception, CancelledError) as raised:
            return raised
        return None
