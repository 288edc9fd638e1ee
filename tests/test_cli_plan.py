"""`plan`: what each check finds between real hosts."""

from __future__ import annotations

import re
from pathlib import Path

import libvirt

from commands import command, refused
from conftest import StartGuest
from events import events
from libvirt_migrate.lab import Host
from moves import is_at


def test_plan_moves_nothing(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    done = command("plan", guest.uuid, *route)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready to migrate" in done.stdout
    assert f"'{source.address}' -> '{destination.address}'" in done.stdout

    done = command(
        "plan", guest.uuid, destination.uri, "--from", source.uri, "--copy-storage", "vdq", "--json"
    )
    assert done.returncode == 3
    *checks, plan = events(done.stdout)
    assert not plan["passed"]
    results = {check["name"]: check["result"] for check in checks}
    names = [
        "guest",
        "parameters",
        "name",
        "definition",
        "persistent-definition",
        "cpu",
        "storage",
        "addresses",
        "memory",
    ]
    assert list(results) == names
    # The disk that is not there, then that there are none at all.
    assert [check["result"] for check in checks if check["name"] == "storage"] == ["fail", "pass"]
    assert [check["name"] for check in checks if check["fatal"]] == ["storage"]
    assert results["addresses"] == "fail"
    assert is_at(guest, source)
    assert guest.domain(source).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED) == {"type": 0}


def test_plan_sees_what_the_destination_lacks(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    guest = start_guest()
    taken = destination.connection().defineXML(re.sub(r"<uuid>.*?</uuid>", "", guest.xml))
    try:
        line = refused(command("migrate", guest.name, *route, "--force"), 3)
        assert f"name: the destination has a guest {guest.name} with uuid {taken.UUIDString()}" in line
        assert "--force" not in line
    finally:
        taken.undefine()
    lacking = tmp_path / "retarget.json"
    lacking.write_text('{"numa": {"memory": "77"}, "graphics": {"vnc": "{host}"}}')
    done = command("plan", guest.name, *route[:3], "--retarget", str(lacking))
    assert done.returncode == 3
    assert re.search(r"FAILED +definition +.*NUMA node 77 is unavailable", done.stdout)
    assert re.search(r"FAILED +persistent-definition +.*NUMA node 77 is unavailable", done.stdout)
    assert is_at(guest, source)
