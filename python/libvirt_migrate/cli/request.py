"""What the options ask for, as the library takes it. Nothing here asks a host."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .. import Convergence, InvalidParameter, MigrateFlags, MigrateParams, Retarget, build_migrate_params
from .errors import UserError, one_line
from .options import Transport, Wanted
from .uris import host_of

_DEFAULT = (
    MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.PERSIST_DEST | MigrateFlags.UNDEFINE_SOURCE
)
#: Fields whose values are numbers; every other value is text, unless it is JSON.
_NUMBERS = (
    "cpu_shares",
    "numa.vcpu_sched.priority",
    "graphics.vnc_port",
    "graphics.vnc_websocket",
    "graphics.spice_port",
    "graphics.spice_tls_port",
    "graphics.rdp_port",
)
#: Fields whose values are lists, which may be written with commas; those of the first are numbers.
_LISTS = ("serial.ports", "rbd.disks", "perf_events", "vpmem")
#: Where to read on.
_FIELDS = "libvirt-migrate help retarget lists the fields"
#: In place of the names of disks: every one that can be copied.
ALL = "all"


@dataclass(frozen=True)
class Request:
    """A migration that is asked for, to any destination."""

    #: The JSON form of a Retarget, with {host} in it still.
    changes: dict[str, Any]
    convergence: Convergence
    #: Keyword arguments of build_migrate_params, with {host} in them still.
    how: dict[str, Any]
    flags: MigrateFlags

    def retarget(self, destination: str) -> Retarget:
        """The changes for this destination."""
        host = host_of(destination) or ""
        if not host and _has_host(self.changes):
            uri = one_line(destination)
            raise UserError(
                f"--set or --retarget: {uri} names no host for {{host}}: write the address itself"
            )
        try:
            return Retarget.from_dict(_filled(self.changes, host))
        except InvalidParameter as error:
            raise UserError(f"--set or --retarget: {error}; {_FIELDS}") from None

    def params(
        self, destination: str, xml: str | None = None, persistent_xml: str | None = None
    ) -> MigrateParams:
        """The parameters for this destination."""
        how = with_host(self.how, destination)
        return build_migrate_params(
            xml, persistent_xml=persistent_xml, destination=destination, flags=self.flags, **how
        )


def request_from(options: Wanted, *destinations: str) -> Request:
    """The request, for these destinations. Raises UserError and InvalidParameter."""
    changes = read_retarget(options.retarget) if options.retarget else {}
    for assignment in options.set:
        set_field(changes, assignment)
    intent: dict[str, Any] = {} if options.max_downtime is None else {"max_downtime": options.max_downtime}
    convergence = Convergence(
        deadline=options.deadline,
        post_copy=options.post_copy,
        throttle=options.throttle,
        on_deadline=options.on_deadline,
        max_post_copy=options.max_post_copy,
        exclusive=options.exclusive,
        **intent,
    )
    how = transport(options)
    if (name := getattr(options, "dname", None)) is not None:
        if not name or "/" in name or "\n" in name:
            raise UserError(f"--dname {name!r}: is no name that a guest can have")
        how["destination_name"] = name
    flags = flags_from(options, post_copy=options.post_copy)
    if options.suspend:
        flags |= MigrateFlags.PAUSED
    if getattr(options, "offline", False):
        _refuse_live(options)
        flags = (flags | MigrateFlags.OFFLINE) & ~MigrateFlags.LIVE
    request = Request(changes, convergence, how, flags)
    # What is wrong with these is said before any host is asked.
    for destination in destinations:
        request.retarget(destination)
        request.params(destination)
    return request


def _refuse_live(options: Wanted) -> None:
    """Refuses what only a guest that runs can be asked for."""
    live = {
        "--max-downtime": options.max_downtime is not None,
        "--deadline": options.deadline is not None,
        "--post-copy": options.post_copy,
        "--throttle": options.throttle,
        "--exclusive": options.exclusive,
        "--suspend": options.suspend,
        "--report": getattr(options, "report", None) is not None,
        "--parallel": options.parallel is not None,
        "--compression": options.compression is not None,
    }
    for name in (name for name, given in live.items() if given):
        raise UserError(f"--offline moves a definition and no memory: leave out {name}")


def transport(options: Transport) -> dict[str, Any]:
    """The arguments of build_migrate_params that options name."""
    disks = options.copy_storage or options.copy_storage_incremental
    if disks and ALL in disks and len(disks) > 1:
        raise UserError(f"--copy-storage: {ALL} stands alone, without the names of disks")
    given = {
        "migrate_disks": disks,
        "parallel_connections": options.parallel,
        "bandwidth": options.bandwidth,
        "bandwidth_postcopy": options.bandwidth_post_copy,
        "tls_destination": options.tls_destination,
        "compression": options.compression,
        "migrate_uri": options.migrate_uri,
        "listen_address": options.listen_address,
        "disks_uri": options.disks_uri,
    }
    return {name: value for name, value in given.items() if value is not None}


def with_host(how: dict[str, Any], destination: str) -> dict[str, Any]:
    """The same arguments with the destination's host in place of {host}."""
    host = host_of(destination) or ""
    filled = {}
    for name, value in how.items():
        if isinstance(value, str) and "{host}" in value:
            option = f"--{name.replace('_', '-')}"
            if not host:
                uri = one_line(destination)
                raise UserError(f"{option}: {uri} names no host for {{host}}: write the address itself")
            # An IPv6 address has brackets in a URI.
            in_uri = f"[{host}]" if ":" in host and "://{host}" in value else host
            value = value.replace("{host}", in_uri)
        filled[name] = value
    return filled


def flags_from(options: Transport, *, post_copy: bool = False) -> MigrateFlags:
    """The flags that the options ask for."""
    flags = _DEFAULT
    wanted = {
        MigrateFlags.NON_SHARED_DISK: options.copy_storage,
        MigrateFlags.NON_SHARED_INC: options.copy_storage_incremental,
        MigrateFlags.PARALLEL: options.parallel,
        MigrateFlags.TLS: options.tls or options.tls_destination,
        MigrateFlags.TUNNELLED: options.tunnelled,
        MigrateFlags.COMPRESSED: options.compression,
        MigrateFlags.UNSAFE: options.unsafe,
        MigrateFlags.ZEROCOPY: options.zero_copy,
        MigrateFlags.POSTCOPY: post_copy or options.bandwidth_post_copy is not None,
    }
    for flag, is_wanted in wanted.items():
        if is_wanted:
            flags |= flag
    return flags


def read_retarget(path: str) -> dict[str, Any]:
    """The JSON file of --retarget, checked."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise UserError(f"--retarget {path}: {reason}") from None
    try:
        return Retarget.from_json(text).to_dict()
    except InvalidParameter as error:
        raise UserError(f"--retarget {path}: {one_line(str(error))}; {_FIELDS}") from None


def set_field(changes: dict[str, Any], assignment: str) -> None:
    """Takes one `--set FIELD=VALUE` into the JSON form."""
    path, equals, text = assignment.partition("=")
    if not equals or not path or not text:
        # Not the value, nor what may be one: passwords can be in it.
        shown = path if re.fullmatch(r"[\w.:-]+", path) else "FIELD"
        raise UserError(f"--set {shown}: write FIELD=VALUE, such as graphics.listen=192.0.2.2")
    if path == "graphics.listen":
        for kind in ("vnc", "spice", "rdp"):
            set_field(changes, f"graphics.{kind}={text}")
        return
    # What follows the second dot is one key: PCI addresses have dots themselves.
    depth = 1 if path.startswith(("pci.", "mdevs.")) else 2
    *parents, last = path.split(".", depth)
    place = changes
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise UserError(f"--set {path}: {parent} has no fields; give all of it as JSON")
    place[last] = _value(path, text)


def _value(path: str, text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    takes_number = path in _NUMBERS or path.startswith("listeners.ports.")
    number = takes_number and text.isascii() and text.isdigit()
    # {host} is no JSON.
    if number or (text[0] in "[{" and not text.startswith("{host}")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UserError(f"--set {path}: is no JSON: {error}") from None
    if path in _LISTS:
        return [int(part) if path == _LISTS[0] and part.isdecimal() else part for part in text.split(",")]
    return text


def _filled(value: Any, host: str) -> Any:
    """The value with the destination's host in place of {host}."""
    if isinstance(value, str) and "{host}" in value and not value.lstrip().startswith("<"):
        return value.replace("{host}", host)
    if isinstance(value, dict):
        return {key: _filled(item, host) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, host) for item in value]
    return value


def _has_host(value: Any) -> bool:
    """Whether {host} is in it."""
    return bool(_filled(value, "") != value)
