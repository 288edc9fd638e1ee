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


def _all_actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """The actions of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _all_actions(command)


#: Only bash asks when Tab is pressed; what shtab makes for the others would ask when the shell starts.
#: The names of guests, of the host after --from where there is one. virsh starts sooner than Python does.
_GUESTS = {
    "bash": "_libvirt_migrate_guests",
    "preamble": {
        "bash": r"""
_libvirt_migrate_guests() {
  local IFS=$'\n' from=()
  [[ $COMP_LINE =~ --from[=\ ]+([^\ ]+) ]] && from=(-c "${BASH_REMATCH[1]}")
  compgen -W "$(virsh "${from[@]}" -q list --all --name 2>/dev/null </dev/null)" -- "$1"
}"""
    },
}
#: What libvirt.conf calls hosts.
_ALIASES = (
    "sed -nE 's/^[^#]*\"([A-Za-z0-9_.-]+)=[a-z+]+:.*/\\1/p' /etc/libvirt/libvirt.conf "
    '"${XDG_CONFIG_HOME:-$HOME/.config}/libvirt/libvirt.conf" 2>/dev/null'
)
_HOSTS = {
    "bash": "_libvirt_migrate_hosts",
    "preamble": {
        "bash": f"""
_libvirt_migrate_hosts() {{
  compgen -W "$({_ALIASES})" -- "$1"
}}"""
    },
}


def completion(options: Completion, out: Output) -> int:
    """The command."""
    try:
        import shtab
    except ImportError:
        raise UserError("completion needs shtab: pip install 'libvirt-migrate[cli]'") from None
    parser = build_parser()
    for action in _all_actions(parser):
        if action.dest in ("report", "retarget", "record"):
            action.complete = shtab.FILE
        elif action.dest == "guest":
            action.complete = _GUESTS
        elif action.dest in ("source", "destination", "host", "to"):
            action.complete = _HOSTS
    out.say(shtab.complete(parser, options.shell))
    return Exit.DONE
