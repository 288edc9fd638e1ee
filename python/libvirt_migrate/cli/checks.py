"""The checks before a migration. Each one passes, fails or does not know, and says why."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .. import Guest, Host, InvalidParameter, LibvirtError, MigrateParams
from .definition import Definition, host_cpu, read_definition
from .errors import one_line
from .request import host_of
from .values import show_size

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


def run_checks(pair: Pair, params: MigrateParams) -> Iterator[Check]:
    """All checks, in the order in which they are shown."""
    xml, persistent = params["destination_xml"], params["persistent_xml"]
    definition = read_definition(xml)
    yield check_state(pair.guest)
    yield check_versions(pair, params)
    yield check_identity(pair)
    yield check_accepted("definition", pair.destination, xml)
    yield check_accepted("persistent-definition", pair.destination, persistent)
    yield check_cpu(pair, definition)
    yield from check_storage(pair.destination, definition, params)
    yield from check_addresses(pair, definition)
    yield check_memory(pair.destination, definition)


def check_state(guest: Guest) -> Check:
    """The guest runs or is paused, and nothing else holds it."""
    state = guest.state
    if not guest.is_active:
        return Check("guest", "fail", f"is {state}: only a guest that runs or is paused can be moved", True)
    job = guest.job_info()
    if job.type_name in ("bounded", "unbounded"):
        what = (
            "is being migrated already; libvirt-migrate watch follows it"
            if job.operation == 5
            else "has a job"
        )
        return Check("guest", "fail", what, True)
    return Check("guest", "pass", f"is {state}")


def check_versions(pair: Pair, params: MigrateParams) -> Check:
    """Both libvirts have every flag and parameter."""
    for role, host in (("source", pair.source), ("destination", pair.destination)):
        try:
            params.check_version(host.libvirt_version)
        except InvalidParameter as error:
            reason = str(error).replace("but the source has", f"but the {role} has")
            return Check("parameters", "fail", reason, True)
    names = ", ".join(name for name in params if not name.endswith("_xml"))
    flags = " ".join(flag.name or "" for flag in params.flags)
    return Check("parameters", "pass", f"both libvirts take {flags}{' and ' if names else ''}{names}")


def check_identity(pair: Pair) -> Check:
    """Name and uuid are free at the destination."""
    name, uuid = pair.guest.name, pair.guest.uuid
    for there in (pair.destination.guest(uuid), pair.destination.guest(name)):
        if there is None:
            continue
        if there.is_active:
            return Check("name", "fail", f"{there.name} runs at the destination already ({there.uuid})", True)
        if there.uuid != uuid or there.name != name:
            reason = (
                f"the destination has a guest {there.name} with uuid {there.uuid}: undefine it there first"
            )
            return Check("name", "fail", reason, True)
        return Check(
            "name", "pass", "the guest is defined there and shut off: its definition will be replaced"
        )
    return Check("name", "pass", "name and uuid are free")


def check_accepted(name: str, destination: Host, xml: str) -> Check:
    """The destination would start a guest of this definition."""
    try:
        destination.check_definition(xml)
    except LibvirtError as error:
        if error.code == 3:
            return Check(name, "not known", "the destination cannot try a definition without keeping it")
        return Check(name, "fail", one_line(str(error)))
    what = "the destination's next start has it too" if name != "definition" else "the destination takes it"
    return Check(name, "pass", what)


def check_cpu(pair: Pair, definition: Definition) -> Check:
    """The guest's processor can be had at the destination."""
    try:
        if definition.cpu is None:
            return Check("cpu", "pass", "the guest asks for none")
        if definition.cpu_mode in ("host-passthrough", "maximum"):
            cpu = host_cpu(pair.source.capabilities())
            if cpu is None:
                return Check("cpu", "not known", "the source does not tell its processor")
            what, result = "the source's processor", pair.destination.compare_cpu(cpu)
        else:
            what = "the guest's processor"
            result = pair.destination.compare_cpu(definition.cpu, hypervisor=definition.hypervisor)
    except LibvirtError as error:
        return Check("cpu", "not known", one_line(str(error)))
    if result == "incompatible":
        return Check("cpu", "fail", f"the destination lacks something of {what}")
    return Check("cpu", "pass", f"the destination has {what}{' and more' if result == 'superset' else ''}")


def check_storage(destination: Host, definition: Definition, params: MigrateParams) -> Iterator[Check]:
    """Each disk is reachable there, or copied."""
    copied = set(params.get("migrate_disks") or ())
    present = [disk for disk in definition.disks if disk.kind != "empty"]
    for unknown in sorted(copied - {disk.target for disk in present}):
        yield Check("storage", "fail", f"{unknown} is to be copied, but the guest has no such disk", True)
    if not present:
        yield Check("storage", "pass", "the guest has no disks")
    for disk in present:
        where = f"{disk.target} ({disk.source or disk.kind})"
        found = disk.source is not None and _has_volume(destination, disk.source)
        if disk.target in copied:
            reason = (
                "is copied" if found else "is copied; outside a storage pool its file must be there already"
            )
            yield Check("storage", "pass" if found else "not known", f"{where}: {reason}")
        elif found:
            yield Check("storage", "pass", f"{where}: a storage pool of the destination has it")
        elif disk.source is None:
            yield Check("storage", "not known", f"{where}: is reached over the network, from there too?")
        else:
            advice = "" if disk.read_only else f", or --copy-storage {disk.target}"
            reason = f"no storage pool of the destination has it; it must be shared{advice}"
            yield Check("storage", "not known", f"{where}: {reason}")


def _has_volume(destination: Host, path: str) -> bool:
    try:
        return destination.has_volume(path)
    except LibvirtError:
        return False


def check_addresses(pair: Pair, definition: Definition) -> Iterator[Check]:
    """What listens can listen there."""
    if not definition.listeners:
        yield Check("addresses", "pass", "nothing of the guest listens")
        return
    there, here = _addresses(host_of(pair.destination_uri)), _addresses(host_of(pair.source_uri))
    for kind, address in definition.listeners:
        yield _check_address(kind, address, here - there, there)


def _check_address(kind: str, address: str, here: set[str], there: set[str]) -> Check:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Check("addresses", "not known", f"{kind} listens at {address}, which is no IP address")
    if parsed.is_unspecified or parsed.is_loopback:
        return Check("addresses", "pass", f"{kind} listens at {address}, which every host has")
    if str(parsed) in there:
        return Check("addresses", "pass", f"{kind} listens at {address}, which is the destination's")
    if str(parsed) in here:
        change = "serial.address" if kind in ("serial", "console") else "graphics.listen"
        reason = f"{kind} listens at {address}, which is the source's: --set {change}={{host}}"
        return Check("addresses", "fail", reason)
    return Check("addresses", "not known", f"{kind} listens at {address}: does the destination have that?")


def _addresses(host: str | None) -> set[str]:
    """The IP addresses of a host by its name."""
    if host is None:
        return set()
    try:
        return {str(ipaddress.ip_address(str(found[4][0]))) for found in socket.getaddrinfo(host, None)}
    except (OSError, ValueError):
        return set()


def check_memory(destination: Host, definition: Definition) -> Check:
    """The destination has the memory."""
    try:
        free = destination.free_memory
    except LibvirtError as error:
        return Check("memory", "not known", one_line(str(error)))
    text = f"{show_size(definition.memory)} needed, {show_size(free)} free"
    return Check("memory", "pass" if free >= definition.memory else "fail", text)
