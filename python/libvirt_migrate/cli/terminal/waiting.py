"""Waiting for what may take minutes, so that Ctrl-C ends the wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
#: How long a Ctrl-C may go unnoticed, s.
PART = 0.2


def interruptible(call: Callable[[], T]) -> T:
    """The result of `call`, which runs on a thread of its own.

    A host that does not answer holds a call of libvirt's for minutes, and Python serves signals only between
    calls. After a KeyboardInterrupt the thread is still there: end the process with os._exit.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        # In parts: a signal that comes between Python's last look for one and the wait interrupts nothing.
        thread.join(PART)
    if errors:
        raise errors[0]
    return results[0]
