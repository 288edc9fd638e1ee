"""The cells of the matrix, as a list that the tests run and docs/guests.md is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .frame import Stage


@dataclass(frozen=True)
class Cell:
    """What is special about a guest."""

    #: The heading in the page: what the cells of one file are about.
    theme: str
    #: In words, for the page.
    name: str
    #: Starts it.
    set_up: Callable[[Stage], None] | None
    #: The check of `plan` that refuses it, where it cannot be moved.
    refused: str | None
    #: Checks that may be "not known" here; no others.
    unknown: tuple[str, ...]
    #: Runs with the other tests too, not only with the whole matrix.
    quick: bool
    #: In place of all that: does something to a guest while it moves, and says what became of it.
    tell: Callable[[Stage], str] | None = None

    @property
    def id(self) -> str:
        """The test's name."""
        function = self.set_up or self.tell
        assert function is not None
        return function.__name__


CELLS: list[Cell] = []

_Add = Callable[[Callable[["Stage"], None]], Callable[["Stage"], None]]


def cell(
    theme: str, name: str, *, refused: str | None = None, unknown: tuple[str, ...] = (), quick: bool = False
) -> _Add:
    """Puts a function, which starts the guest of a cell on a `Stage`, into the list."""

    def add(set_up: Callable[[Stage], None]) -> Callable[[Stage], None]:
        CELLS.append(Cell(theme, name, set_up, refused, unknown, quick))
        return set_up

    return add


_Story = Callable[["Stage"], str]


def story(theme: str, name: str, *, quick: bool = False) -> Callable[[_Story], _Story]:
    """Puts a function into the list that does all by itself, and says what became of the guest."""

    def add(tell: _Story) -> _Story:
        CELLS.append(Cell(theme, name, None, None, (), quick, tell))
        return tell

    return add
