"""A guest moves from a host of Debian 12 to one of Debian 13: libvirt 9.0 and QEMU 7.2 to 11.3 and 10.0."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import command, refused
from libvirt_migrate.lab import Host, Lab, LabError, bootstrap, releases
from libvirt_migrate.lab.demo import FLAGS, listen_address
from releases import features, inside, ways
from releases.scene import INACTIVE, check_stayed, need_releases, stage

PAIR = ("bookworm", "trixie")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts of different releases, in the place of those that other tests share."""
    need_releases(*PAIR)
    with Lab(f"pytest-releases-{os.getpid()}", releases=PAIR) as made:
        yield made


def test_each_host_is_of_its_release(lab: Lab, source: Host, destination: Host) -> None:
    assert [host.release for host in lab.hosts] == list(PAIR)
    assert [host.release for host in Lab.attach(lab.name).hosts] == list(PAIR)
    for host in (source, destination):
        assert f"VERSION_CODENAME={host.release}" in host.run("cat", "/etc/os-release")
        # It is put together of this machine's folders, and cannot write to what other hosts share.
        assert "Read-only file system" in host.run("sh", "-c", "touch /usr/mine 2>&1 || true")
        host.run("touch", "/etc/mine")
        assert not (releases.folder(host.release) / "etc" / "mine").exists()
        assert host.run("hostname").strip() == host.name
        # Its mounts are its own.
        assert str(releases.folder(host.release)) not in Path("/proc/mounts").read_text()
    assert ways.version(source) < (10, 0, 0) <= ways.version(destination)


def test_what_a_lab_uses_is_not_made_anew(lab: Lab) -> None:
    before = releases.find("trixie")
    with pytest.raises(LabError, match=f"trixie is in use: the lab '{lab.name}' has a host of it"):
        bootstrap.make("trixie", pytest.fail, anew=True)
    assert releases.find("trixie") == before


def test_a_guest_moves_and_its_next_start_is_right(lab: Lab, source: Host, destination: Host) -> None:
    assert ways.plain(lab, source, destination) == "pc-q35-7.2"


def test_without_the_second_definition_it_is_stale_there_as_well(
    lab: Lab, source: Host, destination: Host
) -> None:
    with stage(lab, source, destination, "stale", machine="pc-i440fx-7.2") as scene:
        params = {"destination_xml": scene.xml()}
        scene.guest.domain(source).migrateToURI3(destination.uri, params, int(FLAGS))
        domain = scene.guest.domain(destination)
        assert listen_address(domain) == destination.address
        assert listen_address(domain, INACTIVE) == source.address


def test_a_machine_type_that_the_older_one_lacks(lab: Lab, source: Host, destination: Host) -> None:
    """The other way round, by the command."""
    with stage(lab, destination, source, "newer", machine="q35") as scene:
        route = (source.uri, "--from", destination.uri, "--set", "graphics.listen={host}")
        for more in ((), ("--force",)):
            line = refused(command("migrate", scene.guest.name, *route, *more), 3)
            assert f"machine: the destination has no machine type {scene.machine}; the nearest" in line
            assert "the nearest that it has is pc-q35-7.2" in line
        assert "FAILED     machine" in command("plan", scene.guest.name, *route).stdout
        check_stayed(scene)


def test_what_the_older_one_lacks_is_refused(lab: Lab, source: Host, destination: Host) -> None:
    first = features.FEATURES[0]
    assert features.try_feature(first, lab, source, destination) == (
        "refused: bandwidth.avail.switchover: needs libvirt 11.1.0, but the source has 9.0.0"
    )


def test_what_an_older_destination_lacks_is_told(lab: Lab, source: Host, destination: Host) -> None:
    """The other way round."""
    (levels,) = (feature for feature in features.FEATURES if feature.name == "zlib level")
    assert features.try_feature(levels, lab, destination, source) == (
        "refused: compression.zlib.level: needs libvirt 9.4.0, but the destination has 9.0.0"
    )


@pytest.mark.usefixtures("lab")
def test_a_program_runs_in_a_release_and_cannot_change_it(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def run(script: str, timeout: float = 60) -> int:
        command = ["sh", "-c", script]
        return inside.run("trixie", command, folders={"here": tmp_path}, log=log, timeout=timeout)

    assert run("grep CODENAME /etc/os-release; touch /etc/mine; touch /mnt/here/mine; kill -INT $$") == 130
    assert "VERSION_CODENAME=trixie" in log.read_text()
    assert "Read-only file system" in inside.last_lines(log)
    assert (tmp_path / "mine").exists()
    assert run("exit 7") == 7
    assert run("sleep 60", timeout=0.5) == 124
    assert inside.last_lines(log) == "it did not end within 0.5 s"
    assert str(releases.folder("trixie")) not in Path("/proc/mounts").read_text()
