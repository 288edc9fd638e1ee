"""The command with real guests between real hosts."""

from __future__ import annotations

import os
import pty
import re
import signal
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
import pytest

from commands import COMMAND, LISTEN, command, environment, events, refused, started
from conftest import StartGuest
from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, LabGuest, Workload
from libvirt_migrate.lab.demo import listen_address
from migrating import eventually

#: A working set that takes for ever at this bandwidth, and no time without it.
SLOW = ("--bandwidth", "1")


@pytest.fixture
def route(source: Host, destination: Host) -> tuple[str, ...]:
    """The options that say where from and where to, with the display's new address."""
    return (destination.uri, "--from", source.uri, *LISTEN)


def is_at(guest: LabGuest, host: Host) -> bool:
    """Whether the host has the guest, running."""
    domains = host.connection().listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING)
    return any(domain.UUIDString() == guest.uuid for domain in domains)


def assert_runs_at(guest: LabGuest, host: Host) -> None:
    guest.beats.wait_for_passes(2)
    assert guest.beats.is_intact()
    assert is_at(guest, host)


def migrates(guest: LabGuest, host: Host) -> Callable[[], bool]:
    """Whether its memory is being moved away from the host."""
    domain = guest.domain(host)
    return lambda: bool(domain.jobStats().get("memory_processed", 0))


def test_migrate(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=8))
    line = refused(command("migrate", guest.name, destination.uri, "--from", source.uri), 3)
    assert f"vnc listens at {source.address}, which is the source's: --set graphics.listen={{host}}" in line
    assert "--force goes past it" in line
    assert is_at(guest, source)

    page = tmp_path / "report.html"
    done = command("migrate", guest.name, *route, "--max-downtime", "2s", "--report", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    first, second, *_ = done.stdout.splitlines()
    assert first == f"{guest.name}: the guest runs at the destination"
    assert re.fullmatch(r"  time .*, pause \d.*, .* MiB sent in \d+ pass(es)?", second)
    assert_runs_at(guest, destination)
    moved = guest.domain(destination)
    assert listen_address(moved, libvirt.VIR_DOMAIN_XML_INACTIVE) == destination.address
    plot = re.search(r"<svg.*</svg>", page.read_text(), re.DOTALL)
    assert plot is not None
    root = ElementTree.fromstring(plot[0])  # noqa: S314 - made by the command
    assert any(
        "line a" in line.get("class", "") for line in root.iter("{http://www.w3.org/2000/svg}polyline")
    )


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


def test_ctrl_c_aborts(start_guest: StartGuest, source: Host, route: tuple[str, ...]) -> None:
    guest = start_guest()
    with started("migrate", guest.name, *route, *SLOW) as user:
        eventually(migrates(guest, source), "a migration")
        user.send_signal(signal.SIGINT)
        output, errors = user.communicate(timeout=30)
    assert user.returncode == 4
    assert output == f"{guest.name}: cancelled; the guest runs at the source\n"
    first, second, third = errors.splitlines()
    assert "Ctrl-C again" in first
    assert "asked to abort" in second
    assert f"{guest.name}: cancelled: operation aborted" in third
    assert_runs_at(guest, source)


def test_ctrl_c_twice_leaves_it_running(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    with started("migrate", guest.name, *route, *SLOW) as user:
        eventually(migrates(guest, source), "a migration")
        user.send_signal(signal.SIGINT)
        time.sleep(0.15)
        user.send_signal(signal.SIGINT)
        _, errors = user.communicate(timeout=30)
    assert user.returncode == 130
    (watch,) = re.findall(r"watch it with: libvirt-migrate (.*)", errors)
    assert migrates(guest, source)()

    (row,) = events(command("status", guest.name, "--from", source.uri, "--json").stdout)
    assert (row["state"], row["job"]["kind"]) == ("running", "outgoing migration")
    assert "outgoing migration" in command("status", "--from", source.uri).stdout
    line = refused(command("migrate", guest.name, *route), 3)
    assert "is being migrated already; libvirt-migrate watch follows it" in line

    with started(*watch.split(), "--to", destination.uri, "--json") as watcher:
        assert watcher.stdout is not None
        assert '"watch"' in watcher.stdout.readline()
        done = command("abort", guest.name, "--from", source.uri)
        assert done.stdout.startswith(f"{guest.name}: aborted; it is running")
        output, _ = watcher.communicate(timeout=30)
    assert watcher.returncode == 1
    assert events(output)[-1]["guest_location"] == "source-running"
    assert_runs_at(guest, source)
    for name in ("abort", "watch", "force-complete"):
        assert "is not being migrated from" in refused(command(name, guest.name, "--from", source.uri))


def test_a_closed_pipe_ends_nothing(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    with started("migrate", guest.name, *route, "--json", "--bandwidth", "12") as user:
        assert user.stdout is not None
        assert user.stderr is not None
        user.stdout.readline()
        user.stdout.close()
        user.stderr.close()
        assert user.wait(60) == 0
    assert_runs_at(guest, destination)


def test_a_terminal_shows_progress_and_may_vanish(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    process, terminal = pty.fork()
    if process == 0:
        surroundings = environment(TERM="xterm-256color", NO_COLOR="1", COLUMNS="120")
        os.execvpe(  # noqa: S606
            COMMAND[0], [*COMMAND, "migrate", guest.name, *route, "--bandwidth", "12"], surroundings
        )
    seen = b""
    # The bar, with what is left and how fast.
    while not re.search(rb"memory .*\d+ % .* MiB left .* MiB/s", seen):
        seen += os.read(terminal, 4096)
    assert guest.name.encode() in seen
    # Cursor movements, but no colours.
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7][0-9;]*m", seen)
    assert migrates(guest, source)()
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert_runs_at(guest, destination)


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
    assert done.stdout.splitlines()[:2] == [
        f"{guest.name}: {'switched to post-copy' if post_copy else 'paused until it has moved'}",
        f"{guest.name}: the guest runs at the destination",
    ]
    assert_runs_at(guest, destination)


def test_recover(start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]) -> None:
    guest = start_guest(workload=Workload(working_set=8))
    ours = Guest(guest.domain(source))
    line = refused(command("recover", guest.name, destination.uri, "--from", source.uri))
    assert "not in a post-copy that broke" in line
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
    assert done.stdout.startswith(f"{guest.name}: the guest runs at the destination")
    assert_runs_at(guest, destination)
    kept = listen_address(guest.domain(destination), libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert kept == destination.address


def test_drain(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guests = [start_guest(workload=Workload(working_set=8, rest=20)) for _ in range(3)]
    stuck = guests[1]
    taken = destination.connection().defineXML(re.sub(r"<uuid>.*?</uuid>", "", stuck.xml))
    try:
        done = command("drain", source.uri, "--to", destination.uri, "--jobs", "3", *LISTEN, "--json")
    finally:
        taken.undefine()
    assert (done.returncode, done.stderr) == (1, "")
    told: list[dict[str, Any]] = events(done.stdout)
    assert set(told[0]["guests"]) >= {guest.name for guest in guests}
    ends = {event["guest"]: event["result"] for event in told if event["event"] == "end"}
    assert {guest.name: ends[guest.name] for guest in guests} == {
        guest.name: "left" if guest is stuck else "moved" for guest in guests
    }
    assert (told[-1]["event"], told[-1]["moved"], list(told[-1]["left"])) == ("drained", 2, [stuck.name])
    for guest in guests:
        assert_runs_at(guest, source if guest is stuck else destination)

    done = command("drain", source.uri, "--to", destination.uri, *LISTEN)
    assert done.returncode == 0
    first, last = done.stdout.splitlines()
    assert first.startswith(f"{stuck.name}: to {destination.uri}: moved in ")
    assert last.startswith("1 of 1 guests moved in ")


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
        f"vda ({image}): no storage pool of the destination has it"
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
