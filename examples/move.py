"""Moves a guest, and tells what happens.

python examples/move.py qemu:///system vm1 qemu+ssh://host2/system [ADDRESS-OF-ITS-DISPLAY-THERE]
"""

from __future__ import annotations

import sys

from libvirt_migrate import (
    Convergence,
    Guest,
    MigrationError,
    MigrationFailed,
    Retarget,
    build_migrate_params,
    retarget_pair,
)


def migrate(source: str, name: str, destination: str, display: str | None) -> None:
    """Moves the guest `name` of the daemon at `source` to the one at `destination`."""
    guest = Guest.open(name, uri=source)
    # The live definition and the one that is kept, with passwords, or the display there would have none.
    live = guest.xml(migratable=True, secure=True)
    kept = guest.xml(migratable=True, secure=True, inactive=True)
    retarget = Retarget(graphics={"vnc": display} if display else None)
    live, kept = retarget_pair(live, kept, retarget)
    params = build_migrate_params(live, persistent_xml=kept, destination=destination)

    migration = guest.start_migration(params, convergence=Convergence(max_downtime=0.3, post_copy=True))
    for progress in migration:
        print(f"{progress.phase}: {progress.fraction:.0%}, {progress.memory_remaining >> 20} MiB left")
    outcome = migration.result()
    for decision in outcome.decisions:
        print(decision)
    print(f"{outcome.guest_location} after {outcome.total_time:.1f} s, a pause of {outcome.downtime} s")


def main() -> int:
    """The exit code."""
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        return 2
    source, name, destination, *display = sys.argv[1:]
    try:
        migrate(source, name, destination, display[0] if display else None)
    except MigrationFailed as error:
        # Wherever it failed, it is known where the guest is, or that this is not known.
        print(f"{error}: {error.guest_location}", file=sys.stderr)
        return 1
    except MigrationError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
