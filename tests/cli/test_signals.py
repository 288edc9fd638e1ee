"""Ctrl-C, a termination, a closed pipe and a vanishing terminal while real guests move."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import time

from conftest import StartGuest
from helpers.commands import COMMAND, command, environment, refused, started
from helpers.events import events
from helpers.migrating import eventually
from helpers.moves import SLOW, assert_runs_at, migrates
from libvirt_migrate.lab import Host, Workload


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
    assert f"{guest.name}: cancelled: it was asked for, after" in third
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


def test_a_termination_leaves_it_running(
    start_guest: StartGuest, source: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    with started("migrate", guest.name, *route, *SLOW, "--json") as user:
        eventually(migrates(guest, source), "a migration")
        user.terminate()
        output, _ = user.communicate(timeout=30)
    left = events(output)[-1]
    assert (user.returncode, left["event"], left["code"]) == (143, "left", 143)
    assert migrates(guest, source)()
    assert command("abort", guest.name, "--from", source.uri).returncode == 0
    assert_runs_at(guest, source)


def test_ctrl_c_ends_the_wait_for_a_host_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        uri = f"qemu+tcp://127.0.0.1:{mute.getsockname()[1]}/system"
        with started("status", "--from", uri) as user:
            connection, _ = mute.accept()
            assert connection.recv(4), "the client is there and waits for an answer"
            user.send_signal(signal.SIGINT)
            output, errors = user.communicate(timeout=30)
            connection.close()
    assert (user.returncode, output) == (4, "")
    assert errors == "libvirt-migrate: interrupted before anything was started; nothing was moved\n"
