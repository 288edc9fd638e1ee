"""`--forecast`: how a guest's migration will go, in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .copying import named
from .terminal.values import show_link, show_passes, show_size, show_time

if TYPE_CHECKING:
    from .. import Forecast, Guest, GuestForecast
    from .request import Request
    from .terminal.output import Output

_MIB = 1 << 20


def foresee(
    guest: Guest, destination: str, request: Request, link: float | None, *, beside: int = 1
) -> GuestForecast:
    """Has the guest measured, for some five seconds.

    `link` is in bytes/s, of which it has its part beside others.
    Raises LibvirtError for a guest that does not run.
    """
    limit = request.how.get("bandwidth")
    rates = [link / beside] if link else []
    rates += [limit * _MIB] if limit else []
    copied = named(request, guest.xml(migratable=True)).how.get("migrate_disks") or []
    disks = sum(guest.disk_size(target) for target in copied)
    return guest.forecast(
        destination, link=min(rates, default=None), disks=disks, convergence=request.convergence
    )


def tell_forecast(out: Output, name: str, told: GuestForecast) -> None:
    """For programs."""
    fields = told.to_dict()
    for one in (fields, *fields["by_link"]):
        # What an event calls time is when it was told.
        one["elapsed"] = one.pop("time")
    out.event("forecast", guest=name, **fields)


def forecast_lines(told: GuestForecast) -> list[str]:
    """For people."""
    lines = [f"forecast: {in_words(told.forecast)}"]
    if len(told.by_link) > 1:
        lines += [f"  at {show_link(link)}: {in_words(one)}" for link, one in told.by_link]
    return lines + [f"  not known: {what}" for what in told.unknown]


def in_words(forecast: Forecast) -> str:
    """One forecast."""
    sure = "" if forecast.sure >= 0.95 else f" (sure to {forecast.sure * 100:.0f} %)"
    if not forecast.ends:
        help = " or ".join(_option(help) for help in forecast.helps)
        return f"does not come to an end by itself{sure}; {f'{help} would help' if help else 'nothing helps'}"
    passes = round(forecast.passes[1]) if forecast.passes else 0
    parts = [
        f"in {_ranged(forecast.time)}",
        f"pause {_ranged(forecast.pause)}",
        show_passes(passes),
        f"{show_size(forecast.sent[1] if forecast.sent else None)} sent",
    ]
    return ", ".join(parts) + (", by post-copy" if forecast.post_copy else "") + sure


def _ranged(figures: tuple[float, float, float] | None) -> str:
    if figures is None:
        return "?"
    least, expected, most = (show_time(figure) for figure in figures)
    return expected if least == most else f"{expected} ({least} to {most})"


def _option(help: dict[str, Any]) -> str:
    """What would help, as the command's option."""
    ((name, value),) = help.items()
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option} {value:g}s"
