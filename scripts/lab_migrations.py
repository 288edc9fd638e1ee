"""Has a program migrate a guest there and back in a lab of its own, and fails where it fails.

python scripts/lab_migrations.py WORD...: the program and its first arguments. It gets source, guest and
destination, and the destination's address, as examples/migrate.rs does.
"""

from __future__ import annotations

import os
import subprocess
import sys

from libvirt_migrate.lab import Lab, Workload


def main(command: list[str]) -> int:
    """The command."""
    with Lab(f"program-{os.getpid()}") as lab:
        here, there = lab.hosts
        guest = lab.start_guest("vm1", memory=64, workload=Workload(working_set=8))
        for source, destination in ((here, there), (there, here)):
            words = [source.uri, guest.name, destination.uri, destination.address]
            done = subprocess.run([*command, *words], check=False, timeout=300)
            if done.returncode:
                return done.returncode
            guest.beats.wait_for_passes(2)
            if not guest.beats.is_intact() or not guest.domain(destination).isActive():
                print("the guest did not arrive whole", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
