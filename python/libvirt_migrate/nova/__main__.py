"""`python -m libvirt_migrate.nova check`: what is installed, what is overridden, and what is wrong."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Runs the command; ends with 1 where the check finds a problem."""
    parser = argparse.ArgumentParser(prog="python -m libvirt_migrate.nova", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="report what is installed and in force; 1 on a problem")
    check.add_argument(
        "--config-file", action="append", default=[], help="of Nova; by default where Nova looks"
    )
    check.add_argument("--no-connect", action="store_true", help="do not ask the libvirt daemon")
    check.add_argument(
        "--wrapper",
        action="store_true",
        help="nova-compute is started by libvirt-migrate-nova-compute; only needed where nothing shows it",
    )
    options = parser.parse_args()

    from .check import check as run

    report = run(options.config_file, connect=not options.no_connect, wrapper=options.wrapper)
    print(report)
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
