"""Whether a migration's call is over, and how it went, by whatever Nova hands the monitor.

Nova 31 and older hand it an eventlet event, 32.0 and 32.1 a `threading.Event`, later ones a future. A handle
of another kind is no reason to lose sight of the call: the call itself is known as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, TimeoutError
from typing import Any

from .call import Call
from .faults import Faults

#: The methods that say whether it is over. A Mock has all of them, and stands for a future.
_ASKED_BY = ("done", "is_set", "ready")


class Operation:
    """One running call. None of its methods raises."""

    def __init__(self, handle: Any, call: Call | None, faults: Faults) -> None:
        self._handle, self._call, self._faults = handle, call or Call(), faults
        self._asked_by = next((name for name in _ASKED_BY if callable(getattr(handle, name, None))), None)
        self._is_future = self._asked_by == "done"

    def done(self) -> bool:
        """Whether the call is over."""
        if self._call.over:
            return True
        with self._faults.told("What Nova hands the monitor"):
            return self._asked_by is not None and bool(getattr(self._handle, self._asked_by)())
        return False

    def wait(self, seconds: float) -> bool:
        """Waits until the call is over, `seconds` at most, and says whether it is.

        Other threads, or green threads, go on meanwhile.
        """
        if self._call.over:
            return True
        how: Callable[[float], bool] = self._call.wait
        if self._is_future:
            how = self._wait_for_result
        elif self._asked_by is not None:
            how = self._wait_for_event
        before = time.monotonic()
        with self._faults.told("What Nova hands the monitor"):
            return how(seconds)
        # A wait that fails at once must not make the watch a busy one.
        time.sleep(max(0.0, seconds - (time.monotonic() - before)))
        return self.done()

    def _wait_for_event(self, seconds: float) -> bool:
        self._handle.wait(timeout=seconds)
        return self.done()

    def _wait_for_result(self, seconds: float) -> bool:
        try:
            self._handle.result(timeout=seconds)
        except TimeoutError:
            # The call's own exception may be one as well.
            return self.done()
        except CancelledError:
            return True
        except Exception:
            # The call's, unless the handle itself fails.
            if not self.done():
                raise
        return True

    @property
    def succeeded(self) -> bool:
        """Whether the call is known to have returned without an error."""
        return self._call.over and self._call.error is None

    @property
    def aborted(self) -> bool:
        """Whether libvirt took an abort."""
        return self._call.aborted

    def abort_was_taken(self) -> None:
        """libvirt took an abort."""
        self._call.abort_was_taken()

    def error(self) -> BaseException | None:
        """What the call raised, once it is over; `None` where it raised nothing or nobody knows."""
        if self._call.over or not self._is_future or not self.done():
            return self._call.error
        try:
            self._handle.result(timeout=0)
        except (Exception, CancelledError) as raised:
            return raised
        return None
