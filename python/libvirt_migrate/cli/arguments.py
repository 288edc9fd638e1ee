"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse

from .terminal.values import duration, rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def seconds(text: str) -> float:
    """A duration, for argparse as all of these."""
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def link(text: str) -> float:
    """What a link carries."""
    try:
        return rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """A whole number."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    number = count(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def names(text: str) -> list[str]:
    """Names with commas between them."""
    parts = [name.strip() for name in text.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names like vda,vdb")
    return parts


def source(parser: Any) -> None:
    """Where the guest is."""
    parser.add_argument(
        "--from", dest="source", metavar="URI", help="the source's daemon (libvirt's own default)"
    )


def common(parser: Any) -> None:
    """Of all commands: how long a daemon that does not answer is waited for, and what is logged."""
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log the steps; -vv: all")
    parser.add_argument("--log-format", choices=["text", "json"], help="log the steps like this")
    parser.add_argument(
        "--connect-timeout",
        type=seconds,
        metavar="TIME",
        help="how long connecting may take (30s)",
    )


def metrics(parser: Any) -> None:
    """What is counted of migrations."""
    parser.add_argument(
        "--metrics-file",
        metavar="FILE",
        help="add to a .prom file of node_exporter's textfile collector",
    )


def destination(parser: Any) -> None:
    """Where a migration that runs goes to."""
    parser.add_argument(
        "--to", dest="destination", metavar="URI", help="the destination's daemon, to ask where the guest is"
    )


def guest(parser: Any, *, destination: bool = False) -> None:
    """Which guest, where from, and where to."""
    parser.add_argument("guest", metavar="GUEST", help="the guest, by name or uuid")
    if destination:
        parser.add_argument("destination", metavar="DEST_URI", help="the destination's daemon")
    source(parser)


def checks(parser: Any, *, force: bool = True) -> None:
    """What is made of the checks."""
    if force:
        parser.add_argument("--force", action="store_true", help="go past failed checks that are not fatal")
    parser.add_argument("--strict", action="store_true", help="a check that cannot be made is a failed one")


def forecast(parser: Any) -> None:
    """What is said of the migration beforehand."""
    parser.add_argument(
        "--forecast", action="store_true", help="measure the guest, and say how long it will take (5s)"
    )
    parser.add_argument(
        "--link", type=link, metavar="RATE", help="what the link carries, such as 1Gbit/s, for the forecast"
    )


def definition(parser: Any) -> None:
    """What changes in its definition."""
    group = parser.add_argument_group("the definition at the destination")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field (libvirt-migrate help retarget), such as graphics.listen=192.0.2.2; "
        "{host} stands for the host in DEST_URI",
    )
    group.add_argument("--retarget", metavar="FILE", help="changes from a JSON file (help retarget)")


def intent(parser: Any) -> None:
    """What makes a Convergence."""
    group = parser.add_argument_group("what is wanted and allowed")
    group.add_argument("--max-downtime", type=seconds, metavar="TIME", help="the longest pause (500ms)")
    group.add_argument("--deadline", type=seconds, metavar="TIME", help="when it should be over")
    group.add_argument("--on-deadline", choices=["abort", "force"], default="abort", help="then (abort)")
    group.add_argument("--post-copy", action="store_true", help="allow to move memory after the guest")
    group.add_argument(
        "--max-post-copy", type=seconds, metavar="TIME", help="only where the rest follows within this time"
    )
    group.add_argument("--throttle", action="store_true", help="allow to slow the guest down")
    group.add_argument("--exclusive", action="store_true", help="at both hosts at no moment")
    group.add_argument("--suspend", action="store_true", help="leave the guest paused at the destination")


def renamed(parser: Any) -> None:
    """Of one guest only: its name at the destination, and that it does not run."""
    parser.add_argument("--dname", metavar="NAME", help="its name at the destination (the one that it has)")
    parser.add_argument(
        "--offline", action="store_true", help="move the definition of a guest that is shut off"
    )


def transport(parser: Any) -> None:
    """What makes libvirt's flags and parameters."""
    group = parser.add_argument_group("how it is moved")
    add = group.add_argument
    # One migration copies in one way.
    copied = group.add_mutually_exclusive_group()
    copied.add_argument(
        "--copy-storage", type=names, metavar="DISKS", help="disks to copy whole, such as vda,vdb, or all"
    )
    copied.add_argument(
        "--copy-storage-incremental",
        type=names,
        metavar="DISKS",
        help="disks to copy without what their backing files have: DEST_URI's images have the same ones",
    )
    add("--parallel", type=positive, metavar="N", help="parallel connections")
    add("--bandwidth", type=count, metavar="MIB", help="limit, MiB/s")
    add("--bandwidth-post-copy", type=count, metavar="MIB", help="limit in post-copy, MiB/s")
    add("--tls", action="store_true", help="encrypt memory and disks")
    add("--tls-destination", metavar="NAME", help="the name in the destination's certificate")
    add("--tunnelled", action="store_true", help="through the daemons' connection, which is slower")
    add("--compression", type=names, metavar="METHODS", help="zstd, zlib, xbzrle or mt")
    add("--migrate-uri", metavar="URI", help="where memory is sent, such as tcp://{host}")
    add("--listen-address", metavar="ADDRESS", help="where the destination listens for it")
    add("--disks-uri", metavar="URI", help="where disks are sent")
    add("--zero-copy", action="store_true", help="send memory without copying it first (with --parallel)")
    add("--unsafe", action="store_true", help="even where libvirt fears for the disks")
