"""What makes an observer for each migration. Apart, so that who tells them loads nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAKERS: list[Callable[[], Any]] = []
