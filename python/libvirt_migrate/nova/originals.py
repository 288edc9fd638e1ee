"""Nova's own attributes behind the overrides, for overrides that go on with them."""

from __future__ import annotations

from typing import Any

_kept: list[tuple[Any, str, Any]] = []


def keep(owner: Any, name: str, value: Any) -> None:
    """Keeps what is about to be replaced."""
    _kept.append((owner, name, value))


def original(owner: Any, name: str) -> Any:
    """Nova's own attribute behind an override; the attribute itself where nothing is overridden."""
    for kept, attribute, value in _kept:
        if kept is owner and attribute == name:
            return value
    return getattr(owner, name)
