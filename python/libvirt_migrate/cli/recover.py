"""`recover`: going on with a post-copy that broke."""

from __future__ import annotations

from typing import Any

from .. import MigrateFlags, build_migrate_params
from .ends import Exit
from .errors import UserError
from .follow import Followed, follow
from .hosts import find_guest, open_host, own_guest, show_uri
from .output import Output
from .request import check_uri, flags_from, transport
from .signals import Signals


def recover(options: Any, out: Output) -> int:
    """The command. The definitions were sent when the migration began, and libvirt takes none here."""
    check_uri(options.destination)
    flags = flags_from(options) | MigrateFlags.POSTCOPY | MigrateFlags.POSTCOPY_RESUME
    params = build_migrate_params(destination=options.destination, flags=flags, **transport(options))
    host = open_host(options.source, role="the source")
    open_host(options.destination, role="the destination")
    guest = own_guest(find_guest(host, options.source, options.guest), options.source)
    state = guest.state
    if state.reason != "post-copy failed":
        raise UserError(
            f"{guest.name} is {state} at {show_uri(options.source)}, not in a post-copy that broke"
        )
    with Signals() as signals:
        migration = guest.start_migration(params)
        out.event("start", guest=guest.name, uuid=guest.uuid, flags=int(flags))
        code = follow(Followed(guest.name, migration, options.source, ours=True), out, signals)
    return int(code) if code != Exit.FAILED else Exit.STRANDED
