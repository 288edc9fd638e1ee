"""Moves several guests at once with asyncio; one that fails does not stop the others.

python examples/several.py qemu:///system qemu+ssh://host2/system vm1 vm2 …
"""

from __future__ import annotations

import asyncio
import sys

from libvirt_migrate import Guest, MigrationError, build_migrate_params

#: How many move at a time.
AT_ONCE = 2


async def move(source: str, name: str, destination: str, turn: asyncio.Semaphore) -> str:
    """Moves a guest, and returns where it is."""
    async with turn:
        guest = await asyncio.to_thread(Guest.open, name, source)
        # The same definition is right at both hosts here; examples/move.py changes it.
        migration = guest.start_migration(build_migrate_params(destination=destination))
        outcome = await migration
        return outcome.guest_location


async def main() -> int:
    """The exit code."""
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    source, destination, *names = sys.argv[1:]
    turn = asyncio.Semaphore(AT_ONCE)
    ends = await asyncio.gather(
        *(move(source, name, destination, turn) for name in names), return_exceptions=True
    )
    failed = False
    for name, end in zip(names, ends, strict=True):
        if isinstance(end, BaseException) and not isinstance(end, MigrationError):
            raise end
        failed |= isinstance(end, MigrationError)
        print(f"{name}: {end}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
