"""Moves a guest of the lab with the command that is installed: migration.py COMMAND."""

from __future__ import annotations

import subprocess
import sys

from libvirt_migrate.lab import Lab


def main() -> int:
    """A lab, a guest, a migration."""
    with Lab("installed") as lab:
        source, destination = lab.hosts[:2]
        guest = lab.start_guest("vm1")
        guest.beats.wait_for_passes()
        order = ["migrate", "vm1", destination.uri, "--from", source.uri, "--set", "graphics.listen={host}"]
        done = subprocess.run([sys.argv[1], *order], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode or "the guest runs at the destination" not in done.stdout:
            raise SystemExit(f"it ended with {done.returncode}: {done.stdout} {done.stderr}")
        guest.beats.wait_for_passes()
        if not guest.beats.is_intact():
            raise SystemExit("the guest has lost a page")
    print("a guest was moved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
