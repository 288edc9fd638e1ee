"""The checks before a migration. Each one passes, fails or does not know, and says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ... import Guest, Host, InvalidParameter, LibvirtError, MigrateFlags, MigrateParams
from ...codes import ErrorCode, JobCode
from ..definition.summary import Definition, host_cpu, read_definition
from ..errors import one_line
from .check import Check, Pair
from .data import check_data
from .destination import check_destination, check_next_start
from .devices import check_devices
from .folders import check_folders
from .kept import check_autostart, check_block_jobs, check_snapshots
from .machine import check_machine
from .route import check_route
from .source import ask_source, check_shared_storage, check_source
from .storage import check_storage


def run_checks(pair: Pair, params: MigrateParams) -> Iterator[Check]:
    """All checks, in the order in which they are shown."""
    xml, persistent = params["destination_xml"], params["persistent_xml"]
    definition = read_definition(xml)
    there = [*check_destination(pair, definition)]
    offline = MigrateFlags.OFFLINE in params.flags
    state = check_shut_off(pair.guest) if offline else check_state(pair.guest)
    yield state
    yield check_snapshots(pair.guest)
    yield check_autostart(pair.guest)
    yield check_block_jobs(pair.guest, definition)
    # Before libvirt is asked, which says of a disk only that it was not found.
    yield from check_storage(pair, params)
    # A definition alone would have moved by the question.
    asked = ask_source(pair, params, is_free=state.result == "pass" and not offline)
    yield from check_devices(xml, asked)
    if not offline:
        yield check_source(asked)
        yield check_route(pair, params, asked)
        yield from check_data(pair, params)
    yield check_versions(pair, params)
    yield check_identity(pair, params.get("destination_name"))
    yield check_machine(pair.destination, definition)
    copies = bool(params.get("migrate_disks"))
    yield check_accepted("definition", pair.destination, xml, copies=copies)
    yield from check_persistent(pair, there, persistent, copies=copies)
    yield check_cpu(pair, definition)
    if not offline:
        yield from check_shared_storage(asked, definition, params)
    yield from there
    yield from check_folders(xml)


def check_state(guest: Guest) -> Check:
    """The guest runs or is paused, and nothing else holds it."""
    state = guest.state
    if not guest.is_active:
        return Check(
            "guest",
            "fail",
            f"is {state}: only a guest that runs or is paused can be moved",
            True,
        )
    try:
        job = guest.job_info()
    except LibvirtError as error:
        return Check("guest", "not known", f"is {state}; whether it has a job: {one_line(str(error))}")
    if job.type_name in ("bounded", "unbounded"):
        what = (
            "is being migrated already; libvirt-migrate watch follows it"
            if job.operation == JobCode.OPERATION_MIGRATION_OUT
            else "has a job"
        )
        return Check("guest", "fail", what, True)
    return Check("guest", "pass", f"is {state}")


def check_shut_off(guest: Guest) -> Check:
    """The guest does not run: its definition can move."""
    state = guest.state
    if guest.is_active:
        return Check("guest", "fail", f"is {state}: --offline is for guests that are shut off", True)
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


def check_identity(pair: Pair, renamed: str | None = None) -> Check:
    """Name and uuid are free at the destination."""
    name, uuid = renamed or pair.guest.name, pair.guest.uuid
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
        return _check_managed_save(there)
    return Check("name", "pass", "name and uuid are free")


def _check_managed_save(there: Guest) -> Check:
    """A memory image of the guest's past must not meet its disks of today."""
    what = "the guest is defined there and shut off"
    try:
        saved = there.has_managed_save
    except LibvirtError as error:
        return Check("name", "not known", f"{what}; whether it has a managed save: {one_line(str(error))}")
    if saved:
        harm = "has a managed save, which its next start would go on from, whatever it has done since"
        return Check("name", "fail", f"{what}, and {harm}: virsh managedsave-remove it there")
    return Check("name", "pass", f"{what}: its definition will be replaced")


def check_accepted(name: str, destination: Host, xml: str, *, copies: bool = False) -> Check:
    """The destination would start a guest of this definition, once the disks that are copied are there."""
    try:
        destination.check_definition(xml)
    except LibvirtError as error:
        if error.code == ErrorCode.NO_SUPPORT:
            return Check(name, "not known", "the destination cannot try a definition without keeping it")
        if error.code == ErrorCode.NO_STORAGE_VOL and copies:
            reason = "can be tried only when the volumes of copied disks are there"
            return Check(name, "not known", f"{reason}: {one_line(str(error))}")
        return Check(name, "fail", one_line(str(error)))
    what = "the destination's next start has it too" if name != "definition" else "the destination takes it"
    return Check(name, "pass", what)


def check_persistent(pair: Pair, now: Iterable[Check], xml: str, *, copies: bool = False) -> Iterator[Check]:
    """The guest's next start at the destination has what belongs to that host; `now` is what it has now."""
    found = [*check_next_start(pair, now, read_definition(xml))]
    accepted = check_accepted("persistent-definition", pair.destination, xml, copies=copies)
    if accepted.result == "fail" or all(check.result != "fail" for check in found):
        yield accepted
    yield from found


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
