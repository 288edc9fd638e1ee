"""What a migration would do, and whether it can. Nothing is moved."""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    InvalidDomainXml,
    LibvirtError,
    MigrateParams,
    Retarget,
    XmlChange,
    diff_xml,
    retarget_pair,
    retarget_xml,
)
from .checks.check import Check, Pair
from .checks.run import run_checks
from .copying import named, whole
from .definition.summary import host_uuid
from .ends import Exit
from .errors import UserError, one_line
from .hosts import find_guest, open_host, show_route, show_uri, uri_of
from .request import Request
from .terminal.output import Output


@dataclass(frozen=True)
class Plan:
    """A migration that could be started."""

    pair: Pair
    name: str
    params: MigrateParams
    checks: tuple[Check, ...]
    changes: tuple[XmlChange, ...]

    @property
    def route(self) -> str:
        """From where to where."""
        return show_route(self.pair.source_uri, self.pair.destination_uri)

    def stops(self, *, force: bool, strict: bool = False) -> list[Check]:
        """The checks that stop the migration: failed ones and, if `strict`, those that could not be made."""
        failed = [check for check in self.checks if check.result == "fail" and (check.fatal or not force)]
        return failed + (self.unknown if strict else [])

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.result == "fail"]

    @property
    def unknown(self) -> list[Check]:
        """The checks that could not be made."""
        return [check for check in self.checks if check.result == "not known"]

    @property
    def word(self) -> str:
        """What all of it comes to."""
        return word(len(self.failed), len(self.unknown))


def word(failed: int, unknown: int) -> str:
    """What so many failed checks, and so many that could not be made, come to."""
    not_made = f"{unknown} check{'' if unknown == 1 else 's'} could not be made"
    if failed:
        text = f"{failed} check{'' if failed == 1 else 's'} failed"
        return f"{text}, and {not_made}" if unknown else text
    return f"ready to migrate as far as is known: {not_made}" if unknown else "ready to migrate"


def make_plan(
    request: Request, guest: str, source_uri: str | None, destination_uri: str, *, to_move: bool = True
) -> Plan:
    """Asks both hosts. Raises UserError where there is nothing to plan.

    A plan that nobody moves by needs none of the guest's passwords, and does not ask for them.
    """
    source = open_host(source_uri, role="the source")
    found = find_guest(source, source_uri, guest)
    destination = open_host(destination_uri, role="the destination")
    pair = Pair(
        found, source, destination, uri_of(source, source_uri), uri_of(destination, destination_uri) or ""
    )
    if host_uuid(source.capabilities()) == host_uuid(destination.capabilities()):
        raise UserError(
            f"the destination {show_uri(destination_uri)} is the source: give another host's daemon"
        )
    # Without its password a display would be open at the destination.
    live = found.xml(migratable=True, secure=to_move)
    request = named(request, live)
    retarget = request.retarget(destination_uri)
    dest_xml, persistent, complaint = _definitions(pair, live, retarget, secure=to_move)
    dest_xml = whole(request, dest_xml)
    persistent = persistent and whole(request, persistent)
    params = request.params(destination_uri, dest_xml, persistent)
    checks = [*run_checks(pair, params)]
    if complaint is not None:
        checks.append(Check("persistent-definition", "fail", complaint, fatal=True))
    return Plan(pair, found.name, params, tuple(checks), diff_xml(live, dest_xml))


def _definitions(
    pair: Pair, live: str, retarget: Retarget, *, secure: bool
) -> tuple[str, str | None, str | None]:
    """The live and the persistent definition for the destination, or why the latter is not known.

    The live one is never kept in its place: what was plugged into the running guest would be there for good.
    """
    try:
        try:
            kept = pair.guest.xml(inactive=True, migratable=True, secure=secure)
        except LibvirtError as error:
            return retarget_xml(live, retarget), None, f"cannot be read: {one_line(str(error))}"
        return (*retarget_pair(live, kept, retarget), None)
    except InvalidDomainXml as error:
        raise UserError(f"the definition cannot be changed as asked: {one_line(str(error))}") from None


def tell_plan(made: Plan, out: Output) -> None:
    """The checks and the changes, for programs."""
    for check in made.checks:
        out.event("check", guest=made.name, **check.to_dict())
    changes = [{"path": c.path, "before": c.before, "after": c.after} for c in made.changes]
    out.event(
        "plan",
        guest=made.name,
        changes=changes,
        passed=not made.failed,
        failed=len(made.failed),
        not_known=len(made.unknown),
        word=made.word,
    )


def accept(made: Plan, out: Output, *, force: bool, strict: bool = False) -> None:
    """Raises UserError where a check stops the migration, and says which ones are gone past."""
    stops = made.stops(force=force, strict=strict)
    if stops:
        raise UserError(f"{made.name} was not moved: {stopped_by(stops)}", code=Exit.CHECK)
    for check in made.failed:
        out.warn(f"{made.name}: going past a failed check: {check.name}: {check.reason}")
    if made.unknown:
        out.note(f"{made.name}: {made.word}")


def stopped_by(stops: list[Check]) -> str:
    """The first of the checks that stop a migration, and what goes past it."""
    first = f"{stops[0].name}: {stops[0].reason}"
    if stops[0].result == "not known":
        first = f"not known, and --strict wants all to be known: {first}"
    more = f" (and {len(stops) - 1} more; libvirt-migrate plan shows all)" if len(stops) > 1 else ""
    can_force = all(check.result == "fail" and not check.fatal for check in stops)
    return f"{first}{more}{'; --force goes past it' if can_force else ''}"
