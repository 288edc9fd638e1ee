"""`completion`: a script for a shell."""

from __future__ import annotations

from typing import Any

from .ends import Exit
from .errors import UserError
from .output import Output
from .parser import build_parser


def completion(options: Any, out: Output) -> int:
    """The command."""
    try:
        import shtab
    except ImportError:
        raise UserError("completion needs shtab: pip install 'libvirt-migrate[cli]'") from None
    out.say(shtab.complete(build_parser(), options.shell))
    return Exit.DONE
