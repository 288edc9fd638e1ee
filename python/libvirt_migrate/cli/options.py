"""What each command was asked for: what `parser.py` reads, with names and types."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Literal

from .uris import checked


@dataclass(frozen=True, kw_only=True)
class Common:
    """Of every command that asks a host."""

    command: str = ""
    json: bool = False
    #: How long connecting may take, s; `None` for the library's own limit.
    connect_timeout: float | None = None
    #: How much is logged, and how.
    verbose: int = 0
    log_format: Literal["text", "json"] | None = None


@dataclass(frozen=True, kw_only=True)
class AtSource(Common):
    """A guest by name or uuid, and its host; libvirt's own default where no URI is given."""

    guest: str
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Running(AtSource):
    """Of a migration that runs: where it goes to, if that is told."""

    destination: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transport:
    """How a guest is moved: what makes libvirt's flags and parameters."""

    copy_storage: list[str] | None = None
    copy_storage_incremental: list[str] | None = None
    parallel: int | None = None
    #: MiB/s, both.
    bandwidth: int | None = None
    bandwidth_post_copy: int | None = None
    tls: bool = False
    tls_destination: str | None = None
    tunnelled: bool = False
    compression: list[str] | None = None
    migrate_uri: str | None = None
    listen_address: str | None = None
    disks_uri: str | None = None
    unsafe: bool = False
    zero_copy: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted(Transport):
    """A migration: the definition at the destination, what is wanted and allowed, and how it is moved."""

    set: list[str] = field(default_factory=list)
    retarget: str | None = None
    #: Seconds, as `max_post_copy`.
    max_downtime: float | None = None
    deadline: float | None = None
    on_deadline: Literal["abort", "force"] = "abort"
    post_copy: bool = False
    max_post_copy: float | None = None
    throttle: bool = False
    #: The guest is sent paused, and goes on once the source has given it up.
    exclusive: bool = False
    #: The guest stays paused at the destination.
    suspend: bool = False
    strict: bool = False


@dataclass(frozen=True, kw_only=True)
class Foreseen(Wanted):
    """A migration of which it is said beforehand how it will go."""

    forecast: bool = False
    #: What the link carries, bytes/s.
    link: float | None = None

    @property
    def foresee(self) -> bool:
        """Whether it is wanted: the link is told for nothing else."""
        return self.forecast or self.link is not None


@dataclass(frozen=True, kw_only=True)
class Plan(AtSource, Foreseen):
    """`plan`."""

    destination: str
    dname: str | None = None
    #: The guest is shut off, and its definition moves.
    offline: bool = False


@dataclass(frozen=True, kw_only=True)
class Migrate(AtSource, Wanted):
    """`migrate`."""

    destination: str
    dname: str | None = None
    offline: bool = False
    force: bool = False
    report: str | None = None
    metrics_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Status(Common):
    """`status`: of one guest, or of all."""

    guest: str | None = None
    source: str | None = None
    destination: str | None = None


@dataclass(frozen=True, kw_only=True)
class Watch(Running):
    """`watch`."""

    report: str | None = None


@dataclass(frozen=True, kw_only=True)
class Abort(Running):
    """`abort`."""

    post_copy: bool = False


@dataclass(frozen=True, kw_only=True)
class ForceComplete(Running):
    """`force-complete`."""

    yes: bool = False


@dataclass(frozen=True, kw_only=True)
class Recover(AtSource, Transport):
    """`recover`."""

    destination: str
    keep: Literal["source", "destination"] | None = None
    #: The migration was an exclusive one.
    exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class Many(Common, Foreseen):
    """Of several guests at a time, all of which leave this host or come back to it."""

    host: str
    jobs: int = 2
    force: bool = False
    dry_run: bool = False
    report: str | None = None
    #: The file of the record; by default the one of this host.
    record: str | None = None
    metrics_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Undrain(Many):
    """`undrain`."""


@dataclass(frozen=True, kw_only=True)
class Drain(Many):
    """`drain`."""

    to: list[str]


@dataclass(frozen=True, kw_only=True)
class Completion:
    """`completion`."""

    command: str = ""
    shell: str


@dataclass(frozen=True, kw_only=True)
class Help:
    """`help`: of a topic or a command, or of all."""

    command: str = ""
    topic: str | None = None


Options = (
    Plan | Migrate | Status | Watch | Abort | ForceComplete | Recover | Drain | Undrain | Completion | Help
)

#: What the destination is called, where it is an option.
_DESTINATIONS = dict.fromkeys(("status", "watch", "abort", "force-complete"), "--to")
#: By the name that a person types.
KINDS: dict[str, type[Options]] = {
    "migrate": Migrate,
    "plan": Plan,
    "status": Status,
    "watch": Watch,
    "abort": Abort,
    "force-complete": ForceComplete,
    "recover": Recover,
    "drain": Drain,
    "undrain": Undrain,
    "completion": Completion,
    "help": Help,
}


def typed(parsed: argparse.Namespace) -> Options:
    """The options of one command, from what argparse read. Raises UserError for what is no host's URI."""
    given = dict(vars(parsed))
    if given.get("source") is not None:
        given["source"] = checked(given["source"], "--from")
    if given.get("destination") is not None:
        given["destination"] = checked(given["destination"], _DESTINATIONS.get(parsed.command, "DEST_URI"))
    if "host" in given:
        given["host"] = checked(given["host"], "HOST")
    if "to" in given:
        given["to"] = [checked(uri, "--to") for uri in given["to"]]
    return KINDS[parsed.command](**given)
