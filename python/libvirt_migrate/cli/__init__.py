"""The command `libvirt-migrate`.

Each module of this package is loaded when it is needed, and the native module with it: help, completion and a
wrong option are answered before libvirt is loaded.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code (see docs/cli.md)."""
    from .leaflet import leaflet, show

    words = list(sys.argv[1:] if arguments is None else arguments)
    if (text := leaflet(words)) is not None and sys.stdout is not None:
        return show(text)
    from .parser import build_parser
    from .terminal.output import guard_streams

    guard_streams()
    if words[:1] == ["nova"]:
        from .commands.nova import run as nova

        return nova(words[1:])
    parser = build_parser()
    if not words:
        # Nothing was asked for: a script that lost its words must not go on.
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(words)
    from .dispatch import dispatch

    return dispatch(options)
