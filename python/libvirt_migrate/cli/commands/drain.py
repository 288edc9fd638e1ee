"""`drain` and `undrain`: every guest that runs on a host goes elsewhere, and comes back."""

from __future__ import annotations

import shlex
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..definition.summary import host_uuid
from ..draining.fleet import Orders
from ..draining.ledger import Ledger, place_of
from ..draining.outlook import look_ahead
from ..draining.placing import Place
from ..draining.rehearsal import rehearse
from ..draining.residents import Resident, places_at, residents_of, returning
from ..draining.strictness import unless_known
from ..draining.work import check_report, work
from ..draining.workers import advise, workers_of
from ..ends import Exit
from ..errors import repeatable
from ..hosts import from_option, open_host, show_uri
from ..options import Drain, Many, Undrain
from ..request import Request, request_from
from ..terminal.output import Output
from ..terminal.waiting import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..report.recorder import Recorder


def drain(options: Drain, out: Output) -> int:
    """The command."""
    check_report(options.report)
    request = request_from(options, *options.to)
    residents, places, ledger = interruptible(lambda: _survey(options))
    out.event("drain", host=show_uri(options.host), guests=[resident.name for resident in residents])
    if not residents:
        out.say(f"no guest runs at {show_uri(options.host)}: there is nothing to move")

    def arrived(resident: Resident, destination: str) -> None:
        _noted(out, ledger, resident.name, partial(ledger.add, resident.name, resident.uuid, destination))

    code = _go(options, request, residents, places, arrived, out)
    if ledger.gone and not options.dry_run:
        record = "" if options.record is None else f" --record {shlex.quote(options.record)}"
        back = f"libvirt-migrate undrain {shlex.quote(repeatable(options.host))}{record}"
        out.say(f"bring back what has left with: {back}")
    return code


def undrain(options: Undrain, out: Output) -> int:
    """The command."""
    check_report(options.report)
    request = request_from(options, options.host)
    host = open_host(options.host, role="the host")
    uuid = interruptible(lambda: host_uuid(host.capabilities()))
    ledger = Ledger.read(_path(options.record, uuid))
    residents, missing = interruptible(lambda: returning(ledger.gone))
    out.event("undrain", host=show_uri(options.host), guests=[resident.name for resident in residents])
    if not ledger.gone:
        out.say(f"no guest has left {show_uri(options.host)} by drain: there is nothing to bring back")
    for one in missing:
        fields = {"destination": None, "code": Exit.FAILED, "result": "left", "message": one.reason}
        out.event("end", guest=one.name, **fields)
        out.warn(f"{one.name}: {one.reason}")
        if one.is_gone and not options.dry_run:
            # Told once; it will not be there the next time either.
            _noted(out, ledger, one.name, partial(ledger.remove, one.uuid))

    def arrived(resident: Resident, destination: str) -> None:
        _noted(out, ledger, resident.name, partial(ledger.remove, resident.uuid))

    places = [Place(options.host, interruptible(lambda: host.free_memory))]
    code = _go(options, request, residents, places, arrived, out)
    return Exit.FAILED if missing and code == Exit.DONE else code


def _survey(options: Drain) -> tuple[list[Resident], list[Place], Ledger]:
    """The guests, the places, and who has left before."""
    source = open_host(options.host, role="the host")
    own = host_uuid(source.capabilities())
    places = places_at(options.to, own)
    return residents_of(source, options.host), places, Ledger.read(_path(options.record, own))


def _path(given: str | None, uuid: str | None) -> Path:
    return place_of(uuid) if given is None else Path(given)


def _noted(out: Output, ledger: Ledger, name: str, note: Callable[[], None]) -> None:
    """The guest has moved, whatever becomes of the record."""
    try:
        note()
    except OSError as error:
        out.warn(f"{name}: the record {ledger.path} cannot be written: {error.strerror}")


def _go(
    options: Many,
    request: Request,
    residents: list[Resident],
    places: list[Place],
    arrived: Callable[[Resident, str], None],
    out: Output,
) -> int:
    """Moves them, or says what would become of it."""
    for uri, guests in Counter(resident.host for resident in residents).items():
        if options.jobs > 1 and (advice := advise(options.jobs, guests, workers_of(uri))):
            advice = f"{show_uri(uri)}: {advice}"
            out.event("advice", message=advice)
            out.warn(advice)
    ahead = None
    if options.foresee and residents and places:
        out.note("measuring the guests")
        wanted = partial(look_ahead, request, residents, places, out, link=options.link, jobs=options.jobs)
        ahead = interruptible(wanted)
    if options.dry_run:
        return rehearse(request, residents, places, out, ahead, force=options.force, strict=options.strict)
    if ahead is not None:
        out.say(ahead.words({resident.uuid: resident.name for resident in residents}))

    def recorder(name: str, route: str) -> Recorder:
        from ..report.recorder import Recorder

        return Recorder(options.report or "", name, route, request.convergence)

    orders = Orders(
        request,
        options.jobs,
        options.force,
        options.strict,
        watch=f"libvirt-migrate status{from_option(options.host)}",
        recorder=recorder if options.report else None,
        arrived=arrived,
        order=None if ahead is None else ahead.order,
    )
    refused = interruptible(lambda: unless_known(request, residents, places)) if options.strict else {}
    title = f"{options.command} of {show_uri(options.host)}"
    return work(
        orders, residents, places, out, refused=refused, report=options.report, title=title.capitalize()
    )
