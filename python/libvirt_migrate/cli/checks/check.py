"""What a check is, and what it is about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ... import Guest, Host

Result = Literal["pass", "fail", "not known"]


@dataclass(frozen=True)
class Check:
    """What became of one check."""

    name: str
    result: Result
    reason: str
    #: A failure that --force does not go past, since libvirt would refuse in any case.
    fatal: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Pair:
    """A guest and the two hosts."""

    guest: Guest
    source: Host
    destination: Host
    source_uri: str | None
    destination_uri: str
