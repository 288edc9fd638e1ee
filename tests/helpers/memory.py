"""Memory that stays flat over many calls."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What an allocator may keep. One leaked definition a call would be 500 MB, one leaked word a call 80 kB.
BOUND = 2 * 1024 * 1024


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def assert_flat(call: Callable[[], Any], times: int = 10_000) -> None:
    for _ in range(times // 10):
        call()
    before = resident()
    for _ in range(times):
        call()
    assert resident() - before < BOUND
