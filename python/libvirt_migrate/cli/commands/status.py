"""`status`: the guests of a host, and what is being migrated."""

from __future__ import annotations

from typing import Any

from ... import Guest, JobInfo, LibvirtError, where_is
from ...codes import ErrorCode, JobCode
from ..ends import Exit
from ..errors import one_line
from ..hosts import find_guest, open_host, show_uri
from ..options import Status
from ..terminal.output import Output
from ..terminal.values import show_rate, show_size, show_time
from ..terminal.waiting import interruptible

_DIRECTIONS = {
    JobCode.OPERATION_MIGRATION_IN: "incoming migration",
    JobCode.OPERATION_MIGRATION_OUT: "outgoing migration",
}

_FIGURES = ("memory_total", "memory_remaining", "memory_bps", "memory_iteration", "disk_remaining")


def status(options: Status, out: Output) -> int:
    """The command."""
    rows = interruptible(lambda: _rows(options))
    for row in rows:
        out.event("guest", **row)
    for line in _lines(rows):
        out.say(line)
    if not rows:
        out.say(f"no guests at {show_uri(options.source)}")
    return Exit.DONE


def _rows(options: Status) -> list[dict[str, Any]]:
    host = open_host(options.source)
    guests = [find_guest(host, options.source, options.guest)] if options.guest is not None else host.guests()
    rows = []
    for guest in sorted(guests, key=lambda guest: guest.name):
        try:
            rows.append(_row(guest) | _whereabouts(guest, options))
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
        "job": None,
    }
    if not active:
        return row
    try:
        row["job"] = _job(guest.job_info())
    except LibvirtError as error:
        if error.code == ErrorCode.OPERATION_UNSUPPORTED:
            # Only the source has statistics. A driver that has no jobs says something else.
            row["job"] = _untold("incoming migration")
        elif error.code in (ErrorCode.NO_DOMAIN, ErrorCode.OPERATION_INVALID):
            # It has gone in between.
            raise
        else:
            row["job"] = _untold("not known")
    return row


def _whereabouts(guest: Guest, options: Status) -> dict[str, Any]:
    """Where the guest is by the word of both hosts, where both are asked."""
    if options.destination is None:
        return {}
    found = where_is(guest, [open_host(options.source), options.destination])
    here, there = found.answers
    at = None
    if found.host is not None:
        at = "here" if found.host == here.host else "destination"
    both = {"state": found.state, "at": at, "error": here.error or there.error}
    return {"both": both}


def _untold(kind: str) -> dict[str, Any]:
    return {"kind": kind, "elapsed": None, **dict.fromkeys(_FIGURES)}


def _job(job: JobInfo) -> dict[str, Any] | None:
    if job.type_name not in ("bounded", "unbounded"):
        return None
    kind = _DIRECTIONS.get(job.operation or 0, "other")
    return {"kind": kind, "elapsed": job.time_elapsed, **{name: getattr(job, name) for name in _FIGURES}}


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    width = max((len(row["guest"]) for row in rows), default=0)
    lines = []
    for row in rows:
        line = f"{row['guest']:<{width}}  {_state_text(row)}"
        if row["job"] is not None:
            line += f"; {_job_text(row['job'])}"
        if "both" in row:
            line += f"; {_both_text(row['both'])}"
        lines.append(line)
    return lines


#: What state and reason mean in a post-copy, where the guest is not where it seems to be.
_POST_COPY = {
    ("paused", "post-copy"): "in post-copy: runs at the destination, with memory still here",
    ("running", "post-copy"): "in post-copy: runs here, with memory still at the source",
    ("paused", "post-copy failed"): "post-copy BROKE: stands still; libvirt-migrate recover goes on with it",
    ("running", "post-copy failed"): "post-copy BROKE: stands still; libvirt-migrate recover goes on with it",
}


def _state_text(row: dict[str, Any]) -> str:
    state, reason = str(row["state"]), str(row["reason"] or "")
    return _POST_COPY.get((state, reason), f"{state} ({reason})" if reason else state)


def _both_text(both: dict[str, Any]) -> str:
    places = {"here": " here", "destination": " at the destination", None: ""}
    if both["error"] is not None:
        return f"the destination cannot be asked: {one_line(both['error'])}"
    return f"by both hosts: {both['state']}{places[both['at']]}"


def _job_text(job: dict[str, Any]) -> str:
    if job["kind"] == "not known":
        return "whether it is being migrated is not known: the host does not tell"
    if job["kind"] != "outgoing migration":
        return str(job["kind"])
    done = [f"{job['kind']} for {show_time(job['elapsed'])}"]
    if job["disk_remaining"]:
        done.append(f"{show_size(job['disk_remaining'])} of disks left")
    if job["memory_total"]:
        done.append(f"{show_size(job['memory_remaining'])} of {show_size(job['memory_total'])} left")
        done.append(f"pass {job['memory_iteration'] or 0}")
    if job["memory_bps"]:
        done.append(show_rate(job["memory_bps"]))
    return f"{done[0]}{': ' if done[1:] else ''}{', '.join(done[1:])}"
