"""`scripts/cloud up | down | status`: a cloud to try by hand with `openstack`."""

from __future__ import annotations

import argparse
import shutil
import sys

from libvirt_migrate.lab import LabError, down

from . import places
from .cloud import DRIVER, RELEASE, STOCK, Cloud, say_on_terminal


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make a cloud")
    up.add_argument("--release", default=RELEASE, help=f"of Nova ({RELEASE})")
    up.add_argument("--stock", action="store_true", help="with Nova's own driver in place of the drop-in")
    up.add_argument("--shared", action="store_true", help="one folder of instances for both hosts")
    for command in (up, commands.add_parser("status", help="what is up"), commands.add_parser("down")):
        command.add_argument("--name", default="cloud", help="the cloud's name (cloud)")
    return parser


def _up(options: argparse.Namespace) -> int:
    cloud = Cloud(options.name, release=options.release, say=say_on_terminal)
    cloud.up(detached=True, driver=STOCK if options.stock else DRIVER, shared=options.shared)
    print(f". {cloud.folder.relative_to(places.ROOT)}/openrc")
    print("openstack server create --image calm --flavor small --nic none --host host1 vm1")
    print("openstack server migrate --live-migration --host host2 vm1")
    return 0


def _status(name: str) -> int:
    cloud = Cloud.attach(name)
    print(f"{name}: Nova {cloud.release}; settings and logs in {cloud.folder.relative_to(places.ROOT)}")
    for compute in cloud.computes.values():
        state = "runs" if compute.service.is_running() else "is down"
        guests = sorted(domain.name() for domain in compute.host.connection().listAllDomains())
        told = ", ".join(guests) or "no guest"
        print(f"  {compute.host.name}  {compute.host.uri}  nova-compute {state}, {told}")
    return 0


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    try:
        if options.command == "up":
            return _up(options)
        if options.command == "status":
            return _status(options.name)
        if not down(options.name):
            print(f"no cloud named {options.name} is up")
        shutil.rmtree(places.folder(options.name) / "instances", ignore_errors=True)
        return 0
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
