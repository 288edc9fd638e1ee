"""`status`: the guests of a host, and what is being migrated."""

from __future__ import annotations

from typing import Any

from .. import Guest, JobInfo, LibvirtError
from .ends import Exit
from .errors import one_line
from .hosts import find_guest, open_host, show_uri
from .output import Output
from .values import show_rate, show_size, show_time
from .waiting import interruptible

#: libvirt's numbers of a job's operation.
_DIRECTIONS = {4: "incoming migration", 5: "outgoing migration"}

_FIGURES = ("memory_total", "memory_remaining", "memory_bps", "memory_iteration", "disk_remaining")


def status(options: Any, out: Output) -> int:
    """The command."""
    rows = interruptible(lambda: _rows(options))
    for row in rows:
        out.event("guest", **row)
    for line in _lines(rows):
        out.say(line)
    if not rows:
        out.say(f"no guests at {show_uri(options.source)}")
    return Exit.DONE


def _rows(options: Any) -> list[dict[str, Any]]:
    host = open_host(options.source)
    guests = [find_guest(host, options.source, options.guest)] if options.guest else host.guests()
    rows = []
    for guest in sorted(guests, key=lambda guest: guest.name):
        try:
            rows.append(_row(guest))
        except LibvirtError as error:
            # It may have gone in between.
            rows.append(
                {
                    "guest": guest.name,
                    "uuid": guest.uuid,
                    "state": "unknown",
                    "reason": one_line(str(error)),
                    "job": None,
                }
            )
    return rows


def _row(guest: Guest) -> dict[str, Any]:
    state, active = guest.state, guest.is_active
    row: dict[str, Any] = {
        "guest": guest.name,
        "uuid": guest.uuid,
        "state": state.name,
        "reason": state.reason,
    }
    try:
        row["job"] = _job(guest.job_info()) if active else None
    except LibvirtError as error:
        if error.code != 3:
            raise
        # Only the source has statistics.
        row["job"] = _job_of_destination()
    return row


def _job_of_destination() -> dict[str, Any]:
    return {"kind": "incoming migration", "elapsed": None, **dict.fromkeys(_FIGURES)}


def _job(job: JobInfo) -> dict[str, Any] | None:
    if job.type_name not in ("bounded", "unbounded"):
        return None
    kind = _DIRECTIONS.get(job.operation or 0, "other")
    elapsed = None if job.time_elapsed is None else job.time_elapsed / 1000
    return {"kind": kind, "elapsed": elapsed, **{name: getattr(job, name) for name in _FIGURES}}


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    width = max((len(row["guest"]) for row in rows), default=0)
    lines = []
    for row in rows:
        reason = f" ({row['reason']})" if row.get("reason") else ""
        line = f"{row['guest']:<{width}}  {row['state']}{reason}"
        if row["job"] is not None:
            line += f"; {_job_text(row['job'])}"
        lines.append(line)
    return lines


def _job_text(job: dict[str, Any]) -> str:
    if job["kind"] != "outgoing migration" or job["memory_total"] is None:
        return str(job["kind"])
    return (
        f"{job['kind']} for {show_time(job['elapsed'])}: {show_size(job['memory_remaining'])} "
        f"of {show_size(job['memory_total'])} left, {show_rate(job['memory_bps'])}, "
        f"pass {job['memory_iteration'] or 0}"
    )
