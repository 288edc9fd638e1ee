"""Asking a host: what it tells, or why it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ... import LibvirtError
from ..errors import one_line

T = TypeVar("T")


@dataclass(frozen=True)
class Unknown:
    """That a host did not answer a question, which says nothing of what was asked."""

    reason: str


def ask(question: Callable[[], T]) -> T | Unknown:
    """The answer, or that there is none."""
    try:
        return question()
    except LibvirtError as error:
        return Unknown(one_line(str(error)))
