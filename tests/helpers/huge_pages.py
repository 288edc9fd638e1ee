"""Huge pages of this machine, which its hosts share."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

_COUNT = Path("/proc/sys/vm/nr_hugepages")
_FREE = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")


def make_pages(clean: ExitStack, free: int) -> None:
    """Has so many huge pages of 2 MiB free on this machine, until `clean` is closed."""
    before = _COUNT.read_text()
    if not _FREE.exists():
        pytest.skip("this machine's kernel has no huge pages of 2 MiB")
    clean.callback(_COUNT.write_text, before)
    _COUNT.write_text(str(int(before) - int(_FREE.read_text()) + free))
    if int(_FREE.read_text()) != free:
        pytest.skip("this machine's memory gives no huge pages now, or its kernel lets nobody ask for some")
