"""`migrate` and its options with real guests between real hosts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import libvirt

from conftest import StartGuest
from helpers.commands import COMMAND, LISTEN, command, environment, refused
from helpers.events import events
from helpers.moves import assert_runs_at, is_at
from libvirt_migrate import Guest, MigrateFlags, build_migrate_params
from libvirt_migrate.lab import Host, Workload
from libvirt_migrate.lab.demo import listen_address


def test_migrate(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=8))
    line = refused(command("migrate", guest.name, destination.uri, "--from", source.uri), 3)
    assert f"vnc listens at {source.address}, which is the source's: --set graphics.listen={{host}}" in line
    assert "--force goes past it" in line
    assert is_at(guest, source)

    page, counts = tmp_path / "report.html", tmp_path / "here.prom"
    files = ("--report", str(page), "--metrics-file", str(counts))
    done = command("migrate", guest.name, *route, "--max-downtime", "2s", *files)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'libvirt_migrate_migrations_total{result="completed"} 1.0' in counts.read_text()
    first, second, *_ = done.stdout.splitlines()
    assert first == f"{guest.name}: the guest runs at the destination"
    assert re.fullmatch(r"  time .*, pause \d.*, .* MiB sent in \d+ pass(es)?", second)
    assert_runs_at(guest, destination)
    moved = guest.domain(destination)
    assert listen_address(moved, libvirt.VIR_DOMAIN_XML_INACTIVE) == destination.address
    plot = re.search(r"<svg.*?</svg>", page.read_text(), re.DOTALL)
    assert plot is not None
    root = ElementTree.fromstring(plot[0])  # noqa: S314 - made by the command
    assert any(
        "line a" in line.get("class", "") for line in root.iter("{http://www.w3.org/2000/svg}polyline")
    )


def test_json(start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    done = command("migrate", guest.name, *route, "--json", "--bandwidth", "20", "--max-downtime", "280ms")
    assert (done.returncode, done.stderr) == (0, "")
    told = events(done.stdout)
    kinds = [event["event"] for event in told]
    assert list(dict.fromkeys(kinds))[:3] == ["check", "plan", "start"]
    assert kinds[-1] == "end"
    assert {"progress", "decision"} <= set(kinds)
    assert all(event["guest"] == guest.name and event["time"] > 0 for event in told)
    end = told[-1]
    assert (end["code"], end["result"], end["guest_location"]) == (0, "moved", "destination-running")
    progress = [event["fraction"] for event in told if event["event"] == "progress"]
    assert progress == sorted(progress)
    assert_runs_at(guest, destination)


def test_a_disk_is_copied(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    image = "/var/lib/libvirt/cli.img"
    for host in (source, destination):
        host.run("truncate", "--size", "4M", image)
    source.run("sh", "-c", f"printf written | dd of={image} conv=notrunc bs=1 seek=4096 status=none")
    disk = f"""    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{image}'/><target dev='vda' bus='virtio'/>
    </disk>\n"""
    guest = start_guest(devices=disk)
    assert (
        f"vda ({image}): the destination has such a file; it must be the same one"
        in command("plan", guest.name, *route).stdout
    )
    done = command("migrate", guest.name, *route, "--copy-storage", "vda", "--parallel", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert_runs_at(guest, destination)
    assert destination.run("dd", f"if={image}", "bs=1", "skip=4096", "count=7", "status=none") == "written"


def test_hosts_and_guests_that_are_not_there(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    assert "is the source" in refused(command("migrate", guest.name, source.uri, "--from", source.uri))
    line = refused(command("migrate", "nobody", *route))
    assert line == (
        f"no guest 'nobody' at {source.uri}; libvirt-migrate status --from {source.uri} lists the guests"
    )
    secret = f"qemu+tcp://root:hunter2@{destination.address}:1/system"
    line = refused(command("migrate", guest.name, secret, "--from", source.uri, *LISTEN))
    assert "the destination at qemu+tcp://" in line
    assert "hunter2" not in line
    assert "is the host to drain" in refused(command("drain", source.uri, "--to", source.uri))
    guest.domain(source).destroy()
    assert "only a guest that runs or is paused can be moved" in refused(
        command("migrate", guest.name, *route, "--force"), 3
    )


def test_a_daemon_that_one_may_not_talk_to(source: Host, tmp_path: Path) -> None:
    """A socket of somebody else's, asked as root without what lets root in everywhere."""
    path = tmp_path / "libvirt-sock"
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(path))
        daemon.listen()
        path.chmod(0o600)
        os.chown(path, 65534, 65534)
        lacking = ("setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override")
        words = (*COMMAND, "status", "--from", f"qemu+unix:///system?socket={path}")
        done = subprocess.run(
            [*lacking, *words], capture_output=True, text=True, check=False, timeout=60, env=environment()
        )
    assert "Permission denied; you lack the permission; try another user" in refused(done)


def test_a_definition_moves_without_its_guest(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    words = (guest.name, *route, "--offline")
    assert "--offline is for guests that are shut off" in refused(command("migrate", *words), 3)
    guest.domain(source).destroy()
    planned = command("plan", *words, "--strict")
    assert (planned.returncode, planned.stderr) == (0, "")
    assert guest.domain(source).isActive() == 0, "asking has moved nothing"
    done = events(command("migrate", *words, "--json").stdout)
    assert [event["event"] for event in done[-2:]] == ["start", "end"]
    assert (done[-1]["code"], done[-1]["result"]) == (0, "moved")
    assert [domain.name() for domain in source.connection().listAllDomains()].count(guest.name) == 0
    there = destination.connection().lookupByName(guest.name)
    assert (there.isActive(), there.isPersistent()) == (0, 1)
    assert destination.address in there.XMLDesc()
    # And back, from Python.
    flags = (
        MigrateFlags.OFFLINE
        | MigrateFlags.PEER2PEER
        | MigrateFlags.PERSIST_DEST
        | MigrateFlags.UNDEFINE_SOURCE
    )
    params = build_migrate_params(there.XMLDesc(), destination=source.uri, flags=flags)
    assert Guest(there).migrate(params).guest_location == "destination-shut-off"
    assert guest.domain(source).isActive() == 0
