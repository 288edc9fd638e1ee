"""A disk that only the running guest has: it moves along, and does not become permanent."""

from __future__ import annotations

import json
from pathlib import Path

import libvirt

from conftest import StartGuest
from helpers.commands import command
from helpers.events import events
from helpers.moves import is_at
from libvirt_migrate.lab import Host

HERE, THERE = "/var/lib/libvirt/plugged-here.img", "/var/lib/libvirt/plugged-there.img"


def _disk(path: str) -> str:
    return f"<disk type='file' device='disk'><source file='{path}'/><target dev='vdh' bus='virtio'/></disk>"


def test_a_disk_that_was_plugged_in_does_not_become_permanent(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    for host, path in ((source, HERE), (destination, THERE)):
        host.run("truncate", "-s", "1M", path)
    guest = start_guest(devices=_disk(HERE))
    # As if it had been plugged in: the persistent definition does not have it.
    source.connection().defineXML(guest.xml.replace(_disk(HERE), ""))
    wanted = tmp_path / "retarget.json"
    wanted.write_text(json.dumps({"disks": [{"match": {"target": "vdh"}, "xml": _disk(THERE)}]}))
    options = (*route, "--retarget", str(wanted), "--unsafe", "--json")

    *checks, plan = events(command("plan", guest.uuid, *options).stdout)
    results = {check["name"]: f"{check['result']}: {check['reason']}" for check in checks}
    assert results["persistent-definition"].startswith("pass")
    assert any(THERE in str(change["after"]) for change in plan["changes"])

    done = command("migrate", guest.uuid, *options, "--force")
    assert done.returncode == 0, done
    assert is_at(guest, destination)
    moved = guest.domain(destination)
    assert THERE in moved.XMLDesc()
    assert HERE not in moved.XMLDesc()
    kept = moved.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert "<disk" not in kept
    assert f"listen='{destination.address}'" in kept

    neither = json.dumps({"disks": [{"match": {"target": "vdz"}, "xml": _disk(THERE)}]})
    wanted.write_text(neither)
    back = ("--from", destination.uri, "--retarget", str(wanted), "--unsafe", "--force")
    done = command("migrate", guest.uuid, source.uri, *back)
    assert done.returncode == 2
    assert 'the guest has no disk with target "vdz"' in done.stderr
    assert is_at(guest, destination)
