"""Calls that block, from whatever kind of thread Nova runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


def uses_eventlet() -> bool:
    """Whether Nova runs green threads: the standard library is patched. Never imports eventlet."""
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched("thread"))


def run_blocking(call: Callable[..., _T], *arguments: Any) -> _T:
    """Runs a call that blocks in native code: a green thread hands it to a native one, or the hub would
    stop.
    """
    if not uses_eventlet():
        return call(*arguments)
    from eventlet import tpool

    result: _T = tpool.execute(call, *arguments)
    return result
