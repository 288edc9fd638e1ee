"""The matrix's cases, as a list that the tests run and the page is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .scene import Scene

Phase = Literal["setup", "pre-copy", "switchover", "exclusive", "post-copy", "callers", "persistence"]
PHASES: tuple[Phase, ...] = (
    "setup",
    "pre-copy",
    "switchover",
    "exclusive",
    "post-copy",
    "callers",
    "persistence",
)


@dataclass(frozen=True)
class Case:
    """One fault in one phase, and what is asserted of it."""

    phase: Phase
    #: The fault, in words.
    fault: str
    run: Callable[[Scene], None]
    #: What to do about it, for the page.
    todo: str
    #: Runs with the other tests too, not only in the whole matrix.
    quick: bool = False
    #: What the stage is made with.
    options: dict[str, object] | None = None

    @property
    def name(self) -> str:
        """The test's name."""
        return self.run.__name__


CASES: list[Case] = []


def case(
    phase: Phase,
    fault: str,
    todo: str,
    *,
    quick: bool = False,
    options: dict[str, object] | None = None,
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Puts a function into the matrix."""

    def add(run: Callable[[Scene], None]) -> Callable[[Scene], None]:
        CASES.append(Case(phase, fault, run, todo, quick, options))
        return run

    return add
