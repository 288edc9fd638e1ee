"""`migrate --offline`: the definition of a guest that is shut off. There is no memory to send or to steer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import MigrationCancelled, MigrationFailed
from ..ends import Exit
from ..errors import one_line
from ..hosts import own_guest, suggested

if TYPE_CHECKING:
    from ..options import Migrate as Options
    from ..planning import Plan
    from ..terminal.output import Output


def move_definition(plan: Plan, options: Options, out: Output) -> int:
    """Moves it, and returns the exit code."""
    guest = own_guest(plan.pair.guest, options.source)
    out.event("start", guest=plan.name, uuid=plan.pair.guest.uuid, flags=int(plan.params.flags))
    try:
        guest.migrate(plan.params)
    except (MigrationFailed, MigrationCancelled) as error:
        message = one_line(error.message)
        out.event("end", guest=plan.name, code=Exit.FAILED, result="failed", message=message)
        look = suggested("status", plan.name, options.source)
        out.warn(f"{plan.name}: failed: {message}; {look} says whether the source has it still")
        return Exit.FAILED
    out.event("end", guest=plan.name, code=Exit.DONE, result="moved", message=None)
    out.say(f"{plan.name}: its definition is at the destination, and the guest is shut off")
    return Exit.DONE
