"""The page of a drain: what became of each guest, and the plots of those that were moved."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Protocol

from ..errors import one_line
from ..terminal.places import PLACES
from ..terminal.values import show_size, show_time
from .page import document, section
from .record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ... import Migration
    from ..terminal.output import Output
    from .recorder import Recorder


class Moved(Protocol):
    """A guest whose migration is over."""

    recorder: Recorder | None
    migration: Migration | None


def write(
    path: str,
    title: str,
    moves: Iterable[Moved],
    left: Mapping[str, str],
    elapsed: float,
    out: Output,
) -> None:
    """Writes the page; what goes wrong is said and changes nothing, since the guests have moved."""
    records = [
        move.recorder.record(move.migration)
        for move in moves
        if move.recorder is not None and move.migration is not None
    ]
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(page(title, records, left, elapsed))
    except OSError as error:
        out.warn(f"--report {path}: {error.strerror or one_line(str(error))}")
    else:
        out.note(f"report: {path}")
        out.event("report", path=path)


def page(title: str, records: list[Record], left: Mapping[str, str], elapsed: float) -> str:
    """The HTML document."""
    moved = sum(record.message is None for record in records)
    total = len({record.name for record in records} | left.keys())
    head = f"<p>{moved} of {total} guests moved in {show_time(elapsed)}.</p>"
    sections = [
        f'<h2 id="{number}">{escape(record.name)}</h2>\n{section(record, 3)}'
        for number, record in enumerate(records, 1)
    ]
    return document(title, "\n".join([head, _table(records, left), *sections]))


def _table(records: list[Record], left: Mapping[str, str]) -> str:
    """A row for each guest; those that no migration was started of have their reason only."""
    rows = ["<tr><th>Guest</th><th>Became of it</th><th>Time</th><th>Pause</th><th>Sent</th></tr>"]
    for number, record in enumerate(records, 1):
        pause = "not known" if record.downtime is None else show_time(record.downtime)
        became = PLACES.get(record.location, record.location)
        if record.message is not None:
            became = left.get(record.name, record.message)
        bad = "" if record.message is None else ' class="bad"'
        rows.append(
            f'<tr><td><a href="#{number}">{escape(record.name)}</a></td><td{bad}>{escape(became)}</td>'
            f'<td class="tight">{show_time(record.total_time)}</td><td class="tight">{pause}</td>'
            f'<td class="tight">{show_size(record.moved)}</td></tr>'
        )
    known = {record.name for record in records}
    rows += [
        f'<tr><td>{escape(name)}</td><td class="bad" colspan="4">{escape(reason)}</td></tr>'
        for name, reason in left.items()
        if name not in known
    ]
    return '<div class="scroll"><table>\n' + "\n".join(rows) + "\n</table></div>"
