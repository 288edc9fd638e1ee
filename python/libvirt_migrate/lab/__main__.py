"""`python -m libvirt_migrate.lab up | status | down`."""

from __future__ import annotations

import argparse
import sys

from . import state
from .errors import LabError
from .lab import Lab, down


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m libvirt_migrate.lab",
        description="Two libvirt hosts on this machine, to try migrations with. Needs root.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make a lab and print the hosts' URIs")
    up.add_argument("--hosts", type=int, default=2, metavar="N", help="how many hosts (2)")
    up.add_argument("--tls", action="store_true", help="with certificates, and print qemu+tls URIs too")
    status = commands.add_parser("status", help="what is up")
    ending = commands.add_parser("down", help="end a lab and all that is in it")
    for command, default in ((up, "lab"), (status, "all"), (ending, "lab")):
        command.add_argument("--name", help=f"the lab's name ({default})")
    return parser


def _up(name: str, hosts: int, *, tls: bool) -> int:
    lab = Lab(name, hosts=hosts, tls=tls)
    lab.up(detached=True)
    for host in lab.hosts:
        print(f"{host.name}  {host.uri}{f'  {host.tls_uri}' if tls else ''}")
    return 0


def _status(wanted: str | None) -> int:
    found = 0
    for name in state.names():
        if wanted not in (None, name):
            continue
        lab = state.read(name)
        alive = lab is not None and lab.is_alive()
        print(f"{name}: {'up' if alive else 'left by a keeper that was killed; down removes it'}")
        if not alive:
            continue
        found += 1
        for host in Lab.attach(name).hosts:
            domains = sorted(domain.name() for domain in host.connection().listAllDomains())
            print(f"  {host.name}  {host.uri}  guests: {', '.join(domains) or 'none'}")
    if not found:
        print("no lab is up" if wanted is None else f"no lab named {wanted} is up")
    return 0 if found else 1


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "up":
            return _up(options.name or "lab", options.hosts, tls=options.tls)
        if options.command == "status":
            return _status(options.name)
        if not down(options.name or "lab"):
            print(f"no lab named {options.name or 'lab'} is up")
        return 0
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
