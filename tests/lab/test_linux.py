"""The lab's guest that has Linux in it: it answers, is on the network, and goes on while it moves."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from guests.frame import BUSY, IDLE
from helpers.moves import assert_runs_at
from libvirt_migrate import Convergence, Guest, build_migrate_params
from libvirt_migrate.lab import Host, Lab, LabError, LabGuest, Workload, linux
from libvirt_migrate.lab.sessions import Ping, Session

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def guest(lab: Lab) -> Iterator[LabGuest]:
    started = lab.start_guest("linux", system="linux", workload=Workload(working_set=8, rest=10))
    yield started
    lab.remove_guest(started)


def move(guest: LabGuest, source: Host, destination: Host) -> None:
    xml = guest.xml_for(source, destination, guest.domain(source).XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
    params = build_migrate_params(xml, destination=destination.uri)
    # Busy, and in one pass: docs/lab.md says what the emulator loses else.
    guest.run(source, BUSY)
    Guest(guest.domain(source)).migrate(params, convergence=Convergence(max_downtime=10))
    guest.run(destination, IDLE)


def test_it_answers(guest: LabGuest, source: Host) -> None:
    assert guest.run(source, "uname -s; echo there >&2") == "Linux\nthere\n"
    assert guest.run(source, "seq 20000").split() == [str(number) for number in range(1, 20001)]
    with pytest.raises(LabError, match="ended with 3: no"):
        guest.run(source, "echo no; exit 3")
    with pytest.raises(LabError, match="does not answer"):
        guest.run(source, "sleep 3", timeout=0.5)
    assert guest.run(source, "echo it does again") == "it does again\n"


def test_no_request_is_lost_however_soon_it_follows(guest: LabGuest, source: Host) -> None:
    """With an agent that opened its port anew each time, three of a hundred were."""
    for number in range(100):
        assert guest.run(source, f"echo {number}", timeout=30) == f"{number}\n"


def test_qemu_guest_agent_answers(guest: LabGuest, source: Host) -> None:
    found = guest.domain(source).guestInfo(libvirt.VIR_DOMAIN_GUEST_INFO_HOSTNAME)
    assert found == {"hostname": "lab-guest"}


def test_it_moves_with_its_sessions_and_its_files(lab: Lab, source: Host, destination: Host) -> None:
    """One whose memory the emulator has lost (docs/lab.md) falls silent: another one is tried."""
    lost: list[str] = []
    while len(lost) < 3:
        guest = lab.start_guest(
            f"mover{len(lost)}", system="linux", workload=Workload(working_set=8, rest=10)
        )
        try:
            return moves_with_all(guest, source, destination)
        except LabError as error:
            lost.append(str(error))
        finally:
            lab.remove_guest(guest)
    pytest.fail(f"none came through: {lost}")


def moves_with_all(guest: LabGuest, source: Host, destination: Host) -> None:
    guest.run(source, "dd if=/dev/urandom of=/tmp/file bs=64k count=16 2>/dev/null")
    ask = "sha256sum /tmp/file; cat /proc/sys/kernel/random/boot_id"
    before = guest.run(source, ask)
    with Session(guest.address) as session, Ping(guest.address) as ping:
        start = time.time()
        move(guest, source, destination)
        moved = time.time()
        guest.beats.wait_for_passes(2)
        assert_runs_at(guest, destination)
        time.sleep(0.5)
        assert session.answers(moved), session.wrong
        assert ping.answers(moved)
        gaps = (guest.beats.longest_gap(start), session.longest_gap(start), ping.longest_gap(start))
        assert all(0.01 < gap < 10 for gap in gaps), gaps
        assert session.wrong == ""
    assert guest.run(destination, ask) == before
    assert guest.beats.is_intact()
    with pytest.raises((LabError, libvirt.libvirtError)):
        guest.run(source, "true")
    move(guest, destination, source)
    assert guest.run(source, ask) == before


def test_what_it_loses_is_noticed(guest: LabGuest, source: Host) -> None:
    """Else a guest that came with old pages would be taken for whole."""
    assert guest.beats.is_intact()
    found = guest.run(source, "pidof beat; grep ' rw-p 00000000 00:00 0 *$' /proc/$(pidof beat)/maps")
    process, *areas = found.split("\n")
    largest = max(
        (tuple(int(end, 16) for end in line.split()[0].split("-")) for line in areas if line),
        key=lambda ends: ends[1] - ends[0],
    )
    # A page of what it counts on, which is the largest of its anonymous areas.
    page = f"seek={largest[0] // 4096 + 1000} count=1 conv=notrunc"
    guest.run(source, f"dd if=/dev/zero of=/proc/{process}/mem bs=4096 {page}")
    guest.beats.wait_for_passes(3)
    assert not guest.beats.is_intact()


def test_its_system_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guest: LabGuest) -> None:
    made = linux.find()
    assert made is not None
    assert linux.make() == made
    monkeypatch.setenv("LIBVIRT_MIGRATE_GUESTS", str(tmp_path))
    assert linux.find() is None
    monkeypatch.setattr(linux, "_build", lambda folder: (folder / "half").touch() or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        linux.make()
    assert [path.name for path in tmp_path.iterdir()] == [f".{made.folder.name}.lock"]


def test_addresses_are_their_own(guest: LabGuest, lab: Lab) -> None:
    from libvirt_migrate.lab.linux_guest import choose_address

    assert re.fullmatch(r"10\.213\.\d+\.2\d\d", guest.address)
    assert choose_address(lab.hosts) != guest.address
