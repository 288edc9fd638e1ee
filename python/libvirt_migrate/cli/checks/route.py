"""The check that the source's daemon reaches the destination's, which it does by itself."""

from __future__ import annotations

import threading

from ... import LibvirtError, MigrateFlags, MigrateParams
from ..errors import explain
from ..hosts import own_guest, show_uri
from .check import Check, Pair
from .source import Asked

#: How long it is waited for, s. Where nothing answers at all the source tries for about two minutes.
PATIENCE = 10.0
#: What libvirt may say in place of its answer, since it closes the connection to the destination before it
#: tells: ssh has ended, without a complaint of its own between the colons.
_LOST = "End of file while reading data: : "
#: How often it is asked then.
_ATTEMPTS = 6


def check_route(pair: Pair, params: MigrateParams, asked: Asked) -> Check:
    """The source's daemon connects to the destination's, as it will have to."""
    there = show_uri(params.destination)
    if not asked.would_begin:
        advice = f"at the source, as the daemon's user: virsh -c {there} hostname"
        return Check("route", "not known", f"whether the source's daemon reaches {there}; {advice}")
    answers: list[LibvirtError | None] = []
    thread = threading.Thread(target=lambda: answers.append(_ask(pair, params)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not answers:
        reason = f"the source's daemon has not reached {there} within {PATIENCE:g} s, and goes on trying"
        return Check("route", "not known", f"{reason}; until then the guest has a job")
    error = answers[0]
    if error is not None and _LOST in str(error):
        reason = f"whether the source's daemon reaches {there}: libvirt there has lost its own answer"
        return Check("route", "not known", reason)
    if error is not None:
        reason = f"the source's daemon does not reach {there}: {explain(error)}"
        return Check("route", "fail", reason, True)
    return Check("route", "pass", f"the source's daemon reaches {there}")


def _ask(pair: Pair, params: MigrateParams) -> LibvirtError | None:
    # What libvirt fears for was told; here it would only be in the way.
    flags = params.flags | MigrateFlags.UNSAFE
    answer = None
    for _ in range(_ATTEMPTS):
        try:
            # Over a connection of its own: a route that swallows everything takes minutes.
            own_guest(pair.guest, pair.source_uri).check_migration(params, flags=flags)
            return None
        except LibvirtError as error:
            answer = error
            if _LOST not in str(error):
                break
    return answer
