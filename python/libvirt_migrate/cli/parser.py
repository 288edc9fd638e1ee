"""The command's options. Nothing here loads libvirt."""

from __future__ import annotations

import argparse
import re
import sys

from . import arguments as options
from .ends import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

PROGRAM = "libvirt-migrate"

_EXAMPLES = f"""\
examples:
  {PROGRAM} plan vm1 qemu+ssh://host2/system
  {PROGRAM} migrate vm1 qemu+ssh://host2/system --max-downtime 300ms --deadline 5m --post-copy
  {PROGRAM} migrate vm1 qemu+tls://host2/system --set graphics.listen={{host}} --report vm1.html
  {PROGRAM} watch vm1 --from qemu+ssh://host1/system
  {PROGRAM} drain qemu:///system --to qemu+ssh://host2/system --to qemu+ssh://host3/system --jobs 2

exit codes:
  0    done
  1    failed, and the guest runs at the source
  2    nothing was started
  3    a check failed (with --strict: or could not be made)
  4    cancelled, and the guest runs at the source
  5    the guest needs you
  130  left running after a second Ctrl-C
  143  left running after a termination
"""


#: A word with one dash that is no short option and no number.
_DASHED = re.compile(r"-(?!-|[vh]+$|\d|$)")


class Parser(argparse.ArgumentParser):
    """Refuses bad input in one line."""

    def __init__(self, **options: Any) -> None:
        # No abbreviations: a new option must not change what a script means.
        options.setdefault("allow_abbrev", False)
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but what is misspelt is told before what is missing because of it."""
        words = list(sys.argv[1:] if args is None else args)
        for word in words:
            if not _is_text(word):
                self.error(f"{word.encode(errors='replace').decode()!r} is no text in UTF-8")
        command = next((word for word in words if not word.startswith("-")), None)
        self.refuse_unknown(words if command is None else words[: words.index(command)])
        known = commands_of(self)
        if command is not None and command not in known:
            self.error(f"there is no command {command!r}{_meant(command, known)}")
        if command is not None:
            known[command].refuse_unknown(words[words.index(command) + 1 :])
        parsed, rest = self.parse_known_args(words, namespace)
        if rest:
            known.get(command or "", self).error(f"one word too many: {rest[0]!r}")
        return parsed

    def refuse_unknown(self, words: list[str]) -> None:
        """Refuses an option that there is not. One that has a value may not begin with two dashes either."""
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and name not in self._option_string_actions:
                self.error(f"there is no option {name}{_meant(name, self._option_string_actions)}")
            if _DASHED.match(word):
                self.error(f"there is no option {word}; a name that begins with a dash goes behind --")

    def print_help(self, file: Any = None) -> None:
        """In colours, on a terminal that has them."""
        from .leaflet import coloured, wants_colour

        text = self.format_help()
        print(coloured(text) if file is None and wants_colour() else text, end="", file=file or sys.stdout)

    def error(self, message: str) -> NoReturn:
        """One line, and how to go on."""
        from .errors import one_line

        message = one_line(message)
        message += f"{'' if message.endswith('?') else ';'} {self.prog} --help shows what there is"
        # There are no options yet.
        if "--json" in sys.argv:
            from .terminal.output import Output

            Output(as_json=True).event("error", code=Exit.USAGE, message=message)
        else:
            print(f"{PROGRAM}: error: {message}", file=sys.stderr)
        sys.exit(Exit.USAGE)


def commands_of(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    """The parser of each command; of a command itself there are none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _is_text(word: str) -> bool:
    """Whether it can be written as what libvirt takes."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _meant(word: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), 1, 0.75)
    return f"; did you mean {close[0]}?" if close else ""


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
    options.renamed(migrate)
    options.definition(migrate)
    options.intent(migrate)
    options.transport(migrate)
    options.checks(migrate)
    migrate.add_argument("--report", metavar="FILE", help="write a page of the migration: .html or .svg")
    options.metrics(migrate)

    plan = _command(commands, "plan", "the checks and the changes of the definition; nothing is moved")
    options.guest(plan, destination=True)
    options.renamed(plan)
    options.definition(plan)
    options.intent(plan)
    options.transport(plan)
    options.checks(plan, force=False)
    options.forecast(plan)

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
    recover.add_argument(
        "--exclusive",
        action="store_true",
        help="of a guest that was sent with --exclusive: have it go on where it is alone",
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
    topic = _command(commands, "help", "show a document, such as retarget or errors")
    topic.add_argument("topic", nargs="?", metavar="TOPIC", help="none lists them")
    return parser


def _many(command: Any) -> None:
    """Of several guests at a time."""
    command.add_argument("--jobs", type=options.positive, default=2, metavar="N", help="guests at a time (2)")
    command.add_argument("--dry-run", action="store_true", help="say where each would go, and move none")
    command.add_argument("--report", metavar="FILE", help="write one page for all of them: .html")
    command.add_argument("--record", metavar="FILE", help="where it is written down who has left")
    options.metrics(command)
    options.forecast(command)
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
  {PROGRAM} help retarget
"""


def _command(commands: Any, name: str, what: str) -> Any:
    lines = [line for line in (_EXAMPLES + _MORE).splitlines() if f" {name} " in line]
    epilog = "\n".join(["example:", *lines]) if lines else None
    made = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".", epilog=epilog)
    if name not in ("completion", "nova", "help"):
        made.add_argument("--json", action="store_true", help="one JSON object a line (help json)")
        options.common(made)
    return made
