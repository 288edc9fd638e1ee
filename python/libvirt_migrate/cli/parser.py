"""The command's options. Nothing here loads libvirt."""

from __future__ import annotations

import argparse
import sys

from .ends import Exit
from .values import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

PROGRAM = "libvirt-migrate"

_EXAMPLES = f"""\
examples:
  {PROGRAM} plan vm1 qemu+ssh://host2/system
  {PROGRAM} migrate vm1 qemu+ssh://host2/system --max-downtime 300ms --deadline 5m --post-copy
  {PROGRAM} migrate vm1 qemu+tls://host2/system --set graphics.listen={{host}} --report vm1.html
  {PROGRAM} watch vm1 --from qemu+ssh://host1/system
  {PROGRAM} drain qemu:///system --to qemu+ssh://host2/system --to qemu+ssh://host3/system --jobs 2

exit codes: 0 done, 1 failed and the guest runs at the source, 2 nothing was started, 3 a check failed,
4 cancelled and the guest runs at the source, 5 the guest needs you, 130 left running after a second Ctrl-C
"""


class Parser(argparse.ArgumentParser):
    """Refuses bad input in one line."""

    def __init__(self, **options: Any) -> None:
        # No abbreviations: a new option must not change what a script means.
        options.setdefault("allow_abbrev", False)
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """One line, and how to go on."""
        one = " ".join(message.split())
        message = f"{one}; {self.prog} --help shows what there is"
        # There are no options yet.
        if "--json" in sys.argv:
            from .output import Output

            Output(as_json=True).event("error", code=Exit.USAGE, message=message)
        else:
            print(f"{PROGRAM}: error: {message}", file=sys.stderr)
        sys.exit(Exit.USAGE)


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _positive(text: str) -> int:
    number = _count(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names like vda,vdb")
    return names


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
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    migrate = _command(commands, "migrate", "check, and move a guest")
    _guest(migrate, destination=True)
    _definition(migrate)
    _intent(migrate)
    _transport(migrate)
    migrate.add_argument("--force", action="store_true", help="go past failed checks that are not fatal")
    migrate.add_argument("--report", metavar="FILE", help="write a page of the migration: .html or .svg")

    plan = _command(commands, "plan", "the checks and the changes of the definition; nothing is moved")
    _guest(plan, destination=True)
    _definition(plan)
    _intent(plan)
    _transport(plan)

    status = _command(commands, "status", "the guests of a host, and what is being migrated")
    status.add_argument("guest", nargs="?", metavar="GUEST", help="one guest, by name or uuid")
    _from(status)

    watch = _command(commands, "watch", "follow a migration that runs; Ctrl-C leaves it alone")
    _guest(watch)
    _to(watch)
    watch.add_argument("--report", metavar="FILE", help="write a page of the rest of it: .html or .svg")
    abort = _command(commands, "abort", "abort a migration; the guest goes on at the source")
    _guest(abort)
    _to(abort)
    abort.add_argument(
        "--post-copy",
        action="store_true",
        help="stop a migration in post-copy; the guest stands still until it is recovered",
    )
    force = _command(commands, "force-complete", "get a migration over: by post-copy, else by a pause")
    _guest(force)
    _to(force)

    recover = _command(commands, "recover", "go on with a post-copy that broke")
    _guest(recover, destination=True)
    _transport(recover)

    drain = _command(commands, "drain", "move every guest that runs on a host elsewhere")
    drain.add_argument("host", metavar="HOST", help="the URI of the host's daemon")
    drain.add_argument(
        "--to", action="append", required=True, metavar="URI", help="where guests may go; can be repeated"
    )
    drain.add_argument("--jobs", type=_positive, default=2, metavar="N", help="guests at a time (2)")
    drain.add_argument("--force", action="store_true", help="go past failed checks that are not fatal")
    _definition(drain)
    _intent(drain)
    _transport(drain)

    # Handed on before anything is parsed; here for the help.
    _command(commands, "nova", "what belongs to OpenStack Nova")
    completion = _command(commands, "completion", "print a completion script for a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "tcsh", "powershell"])
    return parser


def _command(commands: Any, name: str, what: str) -> Any:
    lines = [line for line in _EXAMPLES.splitlines() if f" {name} " in line]
    epilog = "\n".join(["example:", *lines]) if lines else None
    made = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".", epilog=epilog)
    if name not in ("completion", "nova"):
        made.add_argument("--json", action="store_true", help="one JSON object a line (docs/cli.md)")
    return made


def _from(parser: Any) -> None:
    parser.add_argument(
        "--from", dest="source", metavar="URI", help="the source's daemon (libvirt's own default)"
    )


def _to(parser: Any) -> None:
    parser.add_argument(
        "--to", dest="destination", metavar="URI", help="the destination's daemon, to ask where the guest is"
    )


def _guest(parser: Any, *, destination: bool = False) -> None:
    parser.add_argument("guest", metavar="GUEST", help="the guest, by name or uuid")
    if destination:
        parser.add_argument("destination", metavar="DEST_URI", help="the destination's daemon")
    _from(parser)


def _definition(parser: Any) -> None:
    group = parser.add_argument_group("the definition at the destination")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of docs/retarget.md, such as graphics.listen=192.0.2.2; "
        "{host} stands for the host in DEST_URI",
    )
    group.add_argument("--retarget", metavar="FILE", help="changes from a JSON file (docs/retarget.md)")


def _intent(parser: Any) -> None:
    group = parser.add_argument_group("what is wanted and allowed")
    group.add_argument("--max-downtime", type=_seconds, metavar="TIME", help="the longest pause (500ms)")
    group.add_argument("--deadline", type=_seconds, metavar="TIME", help="when it should be over")
    group.add_argument("--on-deadline", choices=["abort", "force"], default="abort", help="then (abort)")
    group.add_argument("--post-copy", action="store_true", help="allow to move memory after the guest")
    group.add_argument("--throttle", action="store_true", help="allow to slow the guest down")


def _transport(parser: Any) -> None:
    group = parser.add_argument_group("how it is moved")
    add = group.add_argument
    add("--copy-storage", type=_names, metavar="DISKS", help="disks to copy, such as vda,vdb")
    add("--parallel", type=_positive, metavar="N", help="parallel connections")
    add("--bandwidth", type=_count, metavar="MIB", help="limit, MiB/s")
    add("--bandwidth-post-copy", type=_count, metavar="MIB", help="limit in post-copy, MiB/s")
    add("--tls", action="store_true", help="encrypt memory and disks")
    add("--tls-destination", metavar="NAME", help="the name in the destination's certificate")
    add("--tunnelled", action="store_true", help="through the daemons' connection, which is slower")
    add("--compression", type=_names, metavar="METHODS", help="zstd, zlib, xbzrle or mt")
    add("--migrate-uri", metavar="URI", help="where memory is sent, such as tcp://192.0.2.2")
    add("--listen-address", metavar="ADDRESS", help="where the destination listens for it")
    add("--disks-uri", metavar="URI", help="where disks are sent")
    add("--unsafe", action="store_true", help="even where libvirt fears for the disks")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of these words."""
    return build_parser().parse_args(arguments)
