"""Follows the job of a live migration whose call was another process's, in place of that call."""

from __future__ import annotations

import threading
from typing import Any

import libvirt_migrate

from .. import _dispatch
from .threads import run_blocking


def follow(call: Any, uuid: str, source: str, destination: str) -> None:
    """Ends `call` when the job is over, as the call itself would have ended; returns at once. Both hosts are
    URIs of libvirt daemons.
    """
    threading.Thread(target=_follow, args=(call, uuid, source, destination), daemon=True).start()


def _follow(call: Any, uuid: str, source: str, destination: str) -> None:
    error: BaseException | None = None
    try:
        run_blocking(_to_the_end, uuid, source, destination)
    except BaseException as raised:
        error = raised
    finally:
        call.end(error)


def _to_the_end(uuid: str, source: str, destination: str) -> None:
    # A connection of its own, so that nothing of Nova's green threads is touched from a native one.
    with _dispatch.unheard():
        libvirt_migrate.Guest.open(uuid, source).adopt_migration(destination=destination).result()
