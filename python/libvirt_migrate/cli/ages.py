"""Times of a migration that others started: counted from its start, and not from when it was found."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from .. import Guest

T = TypeVar("T")
_TIMES = ("elapsed", "at", "total_time")


def age_of(guest: Guest) -> float:
    """How long the guest's migration has run, s, by libvirt's word."""
    return guest.job_info().time_elapsed or 0


def aged(news: T, age: float) -> T:
    """The same progress, decision or outcome with its times counted from `age` seconds before."""
    return cast("T", _Aged(news, age)) if age else news


class _Aged:
    def __init__(self, news: Any, age: float) -> None:
        self._news, self._age = news, age

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._news, name)
        if name == "decisions":
            return tuple(aged(decision, self._age) for decision in value)
        return value + self._age if name in _TIMES else value

    def __str__(self) -> str:
        return str(self._news)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        fields: dict[str, Any] = self._news.to_dict()
        for name in _TIMES:
            if name in fields:
                fields[name] = round(fields[name] + self._age, 3)
        if "decisions" in fields:
            fields["decisions"] = [decision.to_dict() for decision in self.decisions]
        return fields
