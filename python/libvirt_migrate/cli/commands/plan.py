"""`plan`: the checks and the changes of the definition."""

from __future__ import annotations

from ..ends import Exit
from ..errors import UserError
from ..foresight import forecast_lines, foresee, tell_forecast
from ..hosts import show_uri, version_text
from ..options import Plan as Options
from ..planning import Plan, make_plan, tell_plan
from ..request import request_from
from ..terminal.output import Output
from ..terminal.waiting import interruptible

_MARKS = {"pass": "ok", "fail": "FAILED", "not known": "not known"}


def plan(options: Options, out: Output) -> int:
    """The command."""
    request = request_from(options, options.destination)
    if options.foresee and options.offline:
        raise UserError("--offline moves a definition and no memory: leave out --forecast and --link")
    out.note(f"{options.guest}: asking both hosts")
    route = (options.source, options.destination)
    made = interruptible(lambda: make_plan(request, options.guest, *route, to_move=False))
    tell_plan(made, out)
    for line in plan_lines(made):
        out.say(line)
    if options.foresee:
        out.note(f"{options.guest}: measuring it")
        told = interruptible(lambda: foresee(made.pair.guest, options.destination, request, options.link))
        tell_forecast(out, made.name, told)
        for line in forecast_lines(told):
            out.say(line)
    return Exit.CHECK if made.stops(force=False, strict=options.strict) else Exit.DONE


def plan_lines(made: Plan) -> list[str]:
    """The checks and the changes, for people."""
    pair = made.pair
    here, there = show_uri(pair.source_uri), show_uri(pair.destination_uri)
    lines = [f"{made.name}: from {here} (libvirt {version_text(pair.source)})"]
    lines.append(f"{' ' * len(made.name)}  to {there} (libvirt {version_text(pair.destination)})")
    width = max(len(check.name) for check in made.checks)
    lines += [f"  {_MARKS[c.result]:<9}  {c.name:<{width}}  {c.reason}" for c in made.checks]
    lines.append("the definition at the destination:")
    lines += [f"  {change}" for change in made.changes] or ["  no change"]
    lines.append(made.word)
    return lines
