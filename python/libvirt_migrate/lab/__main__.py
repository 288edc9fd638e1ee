"""`python -m libvirt_migrate.lab up | guest | shell | status | down | release`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys

from . import linux_guest, releases, state
from .bootstrap import get
from .errors import LabError
from .host import Host
from .lab import Lab, down
from .namespaces import enter_host


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m libvirt_migrate.lab",
        description="Two libvirt hosts on this machine, to try migrations with. Needs root.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make a lab and print the hosts' URIs")
    up.add_argument("--hosts", type=int, default=2, metavar="N", help="how many hosts (2)")
    up.add_argument("--tls", action="store_true", help="with certificates, and print qemu+tls URIs too")
    up.add_argument("--releases", metavar="R,R", help="a Debian release for each host, or here")
    release = commands.add_parser("release", help="get Debian releases, for hosts of them")
    release.add_argument(
        "releases", nargs="*", metavar="RELEASE", help="bookworm, trixie, sid, …; none lists"
    )
    release.add_argument("--anew", action="store_true", help="even where they are here already")
    guest = commands.add_parser("guest", help="start a guest with Linux in it")
    guest.add_argument("guest", metavar="NAME", help="its name, vm1 for instance")
    guest.add_argument("--disk", action="store_true", help="with a disk that only its host has")
    shell = commands.add_parser("shell", help="a shell on a host, where the hosts have names")
    for command in (guest, shell):
        command.add_argument("--at", default="host1", metavar="HOST", help="at which host (host1)")
    shell.add_argument("words", nargs="*", metavar="WORD", help="a program in place of a shell, after --")
    status = commands.add_parser("status", help="what is up")
    ending = commands.add_parser("down", help="end a lab and all that is in it")
    for command, default in ((up, "lab"), (guest, "lab"), (shell, "lab"), (status, "all"), (ending, "lab")):
        command.add_argument("--name", help=f"the lab's name ({default})")
    return parser


def _up(name: str, hosts: int, wanted: str | None, *, tls: bool) -> int:
    named = ["" if word == "here" else word for word in wanted.split(",")] if wanted else []
    lab = Lab(name, hosts=hosts, tls=tls, releases=named)
    lab.up(detached=True)
    for host in lab.hosts:
        release = f"  {host.release}" if host.release else ""
        print(f"{host.name}  {host.uri}{f'  {host.tls_uri}' if tls else ''}{release}")
    return 0


def _release(names: list[str], *, anew: bool) -> int:
    for name in names:
        get(name, anew=anew)
    for name in names or releases.KNOWN:
        print(f"{name}  {releases.find(name) or 'not here'}")
    return 0


def _host(lab: Lab, name: str) -> Host:
    for host in lab.hosts:
        if host.name == name:
            return host
    raise LabError(f"no host {name!r}: the lab has {', '.join(host.name for host in lab.hosts)}")


def _guest(lab: Lab, name: str, at: str, *, disk: bool) -> int:
    host = _host(lab, at)
    address = linux_guest.start(lab.hosts, host, name, disk=disk)
    print(f"{name}  at {at}, {address}; a shell in it: virsh -c {host.uri} console {name}")
    return 0


def _shell(lab: Lab, at: str, words: list[str]) -> int:
    own = shlex.split(os.environ.get("SHELL", "")) or ["/bin/sh"]
    # Ctrl-C is for what runs in it.
    signal.signal(signal.SIGINT, lambda *_: None)
    # Who enters a host's mounts is at their root: back to where the person is, if the host has that.
    here = ["sh", "-c", 'cd -- "$0" 2>/dev/null; exec "$@"', os.getcwd()]
    return subprocess.run([*enter_host(_host(lab, at).pid), *here, *(words or own)], check=False).returncode


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
            release = f"  {host.release}" if host.release else ""
            print(f"  {host.name}  {host.uri}{release}  guests: {', '.join(domains) or 'none'}")
    if not found:
        print("no lab is up" if wanted is None else f"no lab named {wanted} is up")
    return 0 if found else 1


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "up":
            return _up(options.name or "lab", options.hosts, options.releases, tls=options.tls)
        if options.command == "release":
            return _release(options.releases, anew=options.anew)
        if options.command == "guest":
            lab = Lab.attach(options.name or "lab")
            return _guest(lab, options.guest, options.at, disk=options.disk)
        if options.command == "shell":
            return _shell(Lab.attach(options.name or "lab"), options.at, options.words)
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
