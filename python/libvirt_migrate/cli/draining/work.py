"""The work of `drain` and `undrain`: all of them moved, what is said at the end, and one page for all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..ends import Exit
from ..errors import UserError
from ..terminal.values import show_time
from .fleet import Fleet, Orders

if TYPE_CHECKING:
    from ..terminal.output import Output
    from .move import Result
    from .placing import Place
    from .residents import Resident


def work(
    orders: Orders,
    residents: list[Resident],
    places: list[Place],
    out: Output,
    *,
    refused: dict[str, Result],
    report: str | None,
    title: str,
) -> int:
    """Moves them, or none of them for the reasons in `refused`. Returns the exit code."""
    start = time.monotonic()
    fleet = Fleet(orders, residents, places, out)
    if refused:
        fleet.refuse(refused)
    else:
        fleet.run()
    elapsed = time.monotonic() - start
    names = {resident.uuid: resident.name for resident in residents}
    left = {uuid: result for uuid, result in fleet.results.items() if result.code != Exit.DONE}
    moved = len(fleet.results) - len(left)
    code = Exit.CHECK if refused else _code({result.code for result in left.values()})
    reasons = {names[uuid]: result.text for uuid, result in left.items()}
    out.event("drained", code=code, moved=moved, left=reasons, elapsed=round(elapsed, 3))
    if residents:
        out.say(f"{moved} of {len(fleet.results)} guests moved in {show_time(elapsed)}")
    if left:
        out.say(f"  left: {', '.join(reasons)}")
    if report is not None:
        from ..report.many import write

        write(report, title, fleet.moved, reasons, elapsed, out)
    return code


def check_report(path: str | None) -> None:
    """Refuses a page that could not be written, before anything is moved."""
    if path is None:
        return
    from ..report.recorder import check_path

    check_path(path)
    if not path.endswith(".html"):
        raise UserError(f"--report {path}: of several guests there is a page, and its name must end in .html")


def _code(codes: set[int]) -> int:
    if Exit.STRANDED in codes:
        return Exit.STRANDED
    if codes == {Exit.CANCELLED}:
        return Exit.CANCELLED
    return Exit.FAILED if codes else Exit.DONE
