"""The command's options. Nothing here loads libvirt."""

from __future__ import annotations

import argparse
import sys

from . import arguments as options
from .ends import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

PROGRAM = "libvirt-migrate"

_EXAMPLES = f"""\
examples:
  {PROGRAM} plan vm1 qemu+ssh://host2/system
  {PROGRAM} migrate vm1 qemu+ssh://host2/system --max-downtime 300ms --deadline 5m --post-copy
  {PROGRAM} migrate vm1 qemu+tls://host2/system --set graphics.listen={{host}} --report vm1.html
  {PROGRAM} watch vm1 --from qemu+ssh://host1/system
  {PROGRAM} drain qemu:///system --to qemu+ssh://host2/system --to qemu+ssh://host3/system --jobs 2

exit codes: 0 done, 1 failed and the guest runs at the source, 2 nothing was started, 3 a check failed (with
--strict: or could not be made), 4 cancelled and the guest runs at the source, 5 the guest needs you, 130 left
running after a second Ctrl-C, 143 left running after a termination
"""


class Parser(argparse.ArgumentParser):
    """Refuses bad input in one line."""

    def __init__(self, **options: Any) -> None:
        # No abbreviations: a new option must not change what a script means.
        options.setdefault("allow_abbrev", False)
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """One line, and how to go on."""
        from .errors import one_line

        message = f"{one_line(message)}; {self.prog} --help shows what there is"
        # There are no options yet.
        if "--json" in sys.argv:
            from .terminal.output import Output

            Output(as_json=True).event("error", code=Exit.USAGE, message=message)
        else:
            print(f"{PROGRAM}: error: {message}", file=sys.stderr)
        sys.exit(Exit.USAGE)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from .version import version

        print(f"{PROGRAM} {version()}")
        parser.exit()


def build_parser() -> Parser:
    """The parser of the whole command."""
    parser = Parser(
        prog=PROGRAM,
        description="Moves running guests between libvirt hosts.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    migrate = _command(commands, "migrate", "check, and move a guest")
    options.guest(migrate, destination=True)
    options.definition(migrate)
    options.intent(migrate)
    options.transport(migrate)
    options.checks(migrate)
    migrate.add_argument("--report", metavar="FILE", help="write a page of the migration: .html or .svg")

    plan = _command(commands, "plan", "the checks and the changes of the definition; nothing is moved")
    options.guest(plan, destination=True)
    options.definition(plan)
    options.intent(plan)
    options.transport(plan)
    options.checks(plan, force=False)

    status = _command(commands, "status", "the guests of a host, and what is being migrated")
    status.add_argument("guest", nargs="?", metavar="GUEST", help="one guest, by name or uuid")
    options.source(status)
    options.destination(status)

    watch = _command(commands, "watch", "follow a migration that runs; Ctrl-C leaves it alone")
    options.guest(watch)
    options.destination(watch)
    watch.add_argument("--report", metavar="FILE", help="write a page of the rest of it: .html or .svg")
    abort = _command(commands, "abort", "abort a migration; the guest goes on at the source")
    options.guest(abort)
    options.destination(abort)
    abort.add_argument(
        "--post-copy",
        action="store_true",
        help="stop a migration in post-copy; the guest stands still until it is recovered",
    )
    force = _command(commands, "force-complete", "get a migration over: by post-copy, else by a pause")
    options.guest(force)
    options.destination(force)
    force.add_argument("--yes", action="store_true", help="do not ask before the guest stands still")

    recover = _command(commands, "recover", "put a guest right whose migration broke")
    options.guest(recover, destination=True)
    recover.add_argument(
        "--keep",
        choices=("source", "destination"),
        help="of a guest that went on at both hosts: the one that has been used since; the other is ended",
    )
    options.transport(recover)

    drain = _command(commands, "drain", "move every guest that runs on a host elsewhere")
    drain.add_argument("host", metavar="HOST", help="the URI of the host's daemon")
    drain.add_argument(
        "--to", action="append", required=True, metavar="URI", help="where guests may go; can be repeated"
    )
    _many(drain)
    undrain = _command(commands, "undrain", "bring the guests back that drain has moved")
    undrain.add_argument("host", metavar="HOST", help="the URI of the daemon that they come back to")
    _many(undrain)

    # Handed on before anything is parsed; here for the help.
    _command(commands, "nova", "what belongs to OpenStack Nova")
    completion = _command(commands, "completion", "print a completion script for a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "tcsh", "powershell"])
    return parser


def _many(command: Any) -> None:
    """Of several guests at a time."""
    command.add_argument("--jobs", type=options.positive, default=2, metavar="N", help="guests at a time (2)")
    command.add_argument("--dry-run", action="store_true", help="say where each would go, and move none")
    command.add_argument("--report", metavar="FILE", help="write one page for all of them: .html")
    command.add_argument("--record", metavar="FILE", help="where it is written down who has left")
    options.checks(command)
    options.definition(command)
    options.intent(command)
    options.transport(command)


#: What the help of a single command shows beside those of _EXAMPLES.
_MORE = f"""\
  {PROGRAM} status --from qemu+ssh://host1/system
  {PROGRAM} abort vm1 --from qemu+ssh://host1/system
  {PROGRAM} force-complete vm1 --from qemu+ssh://host1/system
  {PROGRAM} recover vm1 qemu+ssh://host2/system --from qemu+ssh://host1/system
  {PROGRAM} undrain qemu:///system
  {PROGRAM} completion bash > /etc/bash_completion.d/{PROGRAM}
  {PROGRAM} nova check
"""


def _command(commands: Any, name: str, what: str) -> Any:
    lines = [line for line in (_EXAMPLES + _MORE).splitlines() if f" {name} " in line]
    epilog = "\n".join(["example:", *lines]) if lines else None
    made = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".", epilog=epilog)
    if name not in ("completion", "nova"):
        made.add_argument("--json", action="store_true", help="one JSON object a line (docs/cli.md)")
        options.connecting(made)
    return made
