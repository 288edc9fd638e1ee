"""`completion`: a script for a shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..ends import Exit
from ..errors import UserError
from ..options import Completion
from ..parser import build_parser
from ..terminal.output import Output
from .names import GUESTS, HOSTS


def _all_actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """The actions of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _all_actions(command)


def completion(options: Completion, out: Output) -> int:
    """The command."""
    try:
        import shtab
    except ImportError:
        raise UserError("completion needs shtab: pip install 'libvirt-migrate[cli]'") from None
    parser = build_parser()
    for action in _all_actions(parser):
        if action.dest in ("report", "retarget", "record", "metrics_file"):
            action.complete = shtab.FILE
        elif action.dest == "guest":
            action.complete = GUESTS
        elif action.dest in ("source", "destination", "host", "to"):
            action.complete = HOSTS
    out.say(shtab.complete(parser, options.shell))
    return Exit.DONE
