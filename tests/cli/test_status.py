"""`status` at both ends of a migration, on real hosts."""

from __future__ import annotations

from conftest import StartGuest
from helpers.commands import command, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import SLOW, assert_runs_at, migrates
from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, Workload


def line(guest: str, host: Host, *more: str) -> str:
    done = command("status", guest, "--from", host.uri, *more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_status_at_both_ends(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest(workload=Workload(working_set=32))
    slow = ("--bandwidth-post-copy", "4", "--post-copy")
    with started("migrate", guest.name, *route, *SLOW, *slow) as user:
        eventually(migrates(guest, source), "a migration")
        assert "; outgoing migration for " in line(guest.name, source)
        assert line(guest.name, destination).endswith("paused (migration); incoming migration")
        assert "by both hosts: migrating here" in line(guest.name, source, "--to", destination.uri)
        Guest.open(guest.name, source.uri).start_post_copy()
        eventually(lambda: "in post-copy" in line(guest.name, source), "post-copy")
        assert "in post-copy: runs at the destination, with memory still here" in line(guest.name, source)
        there = line(guest.name, destination)
        assert "in post-copy: runs here, with memory still at the source; incoming migration" in there
        assert "by both hosts: post-copy at the destination" in line(
            guest.name, source, "--to", destination.uri
        )
        done = command("status", guest.name, "--from", source.uri, "--to", destination.uri, "--json")
        (row,) = events(done.stdout)
        assert row["both"] == {"state": "post-copy", "at": "destination", "error": None}
        user.communicate(timeout=60)
    assert_runs_at(guest, destination)
    assert line(guest.name, destination).endswith("running (migrated)")


def test_a_destination_that_cannot_be_asked(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest()
    told = line(guest.name, source, "--to", "qemu+tcp://127.0.0.1:1/system")
    assert "running (booted); the destination cannot be asked: " in told


def test_a_driver_that_knows_no_jobs_has_no_incoming_migration() -> None:
    done = command("status", "--from", "test:///default", "--json")
    (row,) = events(done.stdout)
    assert row["job"]["kind"] == "not known"
    assert "incoming" not in command("status", "--from", "test:///default").stdout
