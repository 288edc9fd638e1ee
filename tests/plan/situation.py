"""The situations that `plan` is judged by, as a list that the tests run and the table is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .frame import Stage

#: What `plan` says: ready to migrate; that as far as is known, where what is not known is then in the way; a
#: failed check; a failed check that --force does not go past; or that nothing was started (exit code 2).
Word = Literal["ready", "unknown", "fail", "fatal", "refused"]


@dataclass(frozen=True)
class Situation:
    """What is special about a guest, its hosts or the options, and what `plan` must say of it."""

    #: The heading in the table: what the situations of one file are about.
    theme: str
    #: In words, for the table.
    name: str
    set_up: Callable[[Stage], None]
    word: Word
    #: The check that fails; only for the words fail and fatal.
    check: str | None
    #: Checks that must be "not known" here, at least; what is in the way then is one of them.
    unknown: tuple[str, ...]
    #: Runs with the other tests too, not only with the whole table.
    quick: bool

    @property
    def id(self) -> str:
        """The test's name."""
        return self.set_up.__name__


SITUATIONS: list[Situation] = []

_Add = Callable[[Callable[["Stage"], None]], Callable[["Stage"], None]]


def situation(
    theme: str,
    name: str,
    word: Word,
    check: str | None = None,
    *,
    unknown: tuple[str, ...] = (),
    quick: bool = False,
) -> _Add:
    """Puts a function, which sets the situation up on a `Stage`, into the list."""
    assert (check is not None) == (word in ("fail", "fatal"))
    assert unknown or word != "unknown"

    def add(set_up: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SITUATIONS.append(Situation(theme, name, set_up, word, check, unknown, quick))
        return set_up

    return add
