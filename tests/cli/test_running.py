"""`force-complete`, `abort --post-copy` and `recover` of real migrations."""

from __future__ import annotations

import libvirt
import pytest

from conftest import StartGuest
from helpers.commands import command, refused, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import assert_runs_at, migrates
from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, Workload
from libvirt_migrate.lab.demo import listen_address


@pytest.mark.parametrize("post_copy", [True, False], ids=["post-copy", "pause"])
def test_force_complete(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], post_copy: bool
) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    allowed = ["--post-copy"] if post_copy else []
    with started(
        "migrate", guest.name, *route, "--bandwidth", "6", "--max-downtime", "10ms", *allowed
    ) as user:
        eventually(migrates(guest, source), "a migration")
        done = command("force-complete", guest.name, "--from", source.uri, "--to", destination.uri)
        _, errors = user.communicate(timeout=60)
    assert (done.returncode, user.returncode, errors) == (0, 0, "")
    how, where, *_ = done.stdout.splitlines()
    assert how.startswith(
        f"{guest.name}: {'switched to post-copy' if post_copy else 'paused until it has moved, for about '}"
    )
    assert where == f"{guest.name}: the guest runs at the destination"
    assert_runs_at(guest, destination)


def test_recover(start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]) -> None:
    guest = start_guest(workload=Workload(working_set=8))
    ours = Guest(guest.domain(source))
    done = command("recover", guest.name, destination.uri, "--from", source.uri)
    assert done.stdout == f"{guest.name}: the guest runs at the source\n  it was right\n"
    slow = ("--post-copy", "--bandwidth", "5", "--bandwidth-post-copy", "1", "--json")
    with started("migrate", guest.name, *route, *slow) as user:
        eventually(migrates(guest, source), "a migration")
        ours.start_post_copy()
        eventually(lambda: ours.state.reason == "post-copy", "post-copy")
        assert "is in post-copy" in refused(command("abort", guest.name, "--from", source.uri))
        done = command("abort", guest.name, "--from", source.uri, "--post-copy")
        assert f"libvirt-migrate recover {guest.name}" in done.stdout
        output, _ = user.communicate(timeout=60)
    end = events(output)[-1]
    assert (user.returncode, end["code"], end["guest_location"]) == (5, 5, "post-copy-broken")
    assert guest.beats.is_silent(0.3)

    fast = ("--bandwidth-post-copy", "200")
    done = command("recover", guest.name, destination.uri, "--from", source.uri, *fast)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, *steps = done.stdout.splitlines()
    assert first == f"{guest.name}: the guest runs at the destination"
    assert second.startswith("  put right in ")
    assert steps
    line = refused(command("recover", guest.name, destination.uri, "--from", source.uri))
    assert "there is nothing to put right" in line
    assert_runs_at(guest, destination)
    kept = listen_address(guest.domain(destination), libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert kept == destination.address


def test_the_side_to_keep_is_said(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    words = ("recover", guest.name, destination.uri, "--from", source.uri)
    left = destination.connection().defineXML(guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    try:
        # A definition that was there before may be meant.
        done = command(*words)
        assert done.stdout == f"{guest.name}: the guest runs at the source\n  it was right\n"
        assert left.isPersistent()
        done = command(*words, "--keep", "source")
        assert "remove the definition that is left at the destination" in done.stdout
        with pytest.raises(libvirt.libvirtError, match="Domain not found"):
            left.isPersistent()
    except BaseException:
        left.undefine()
        raise
    assert_runs_at(guest, source)
    assert "invalid choice" in refused(command(*words, "--keep", "both"))
