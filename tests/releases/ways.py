"""The ways in which a guest is moved between two hosts. Each ends with the rule of the two definitions.

Each one returns what was seen, for the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import libvirt

from libvirt_migrate import Convergence, MigrationCancelled, MigrationError
from libvirt_migrate.cli.checks.machine import check_machine
from libvirt_migrate.cli.definition.summary import read_definition
from libvirt_migrate.lab import Host, Lab, Workload
from libvirt_migrate.lab.demo import FLAGS, listen_address

from .scene import DEFAULT, INACTIVE, F, check_moved, check_runs, check_stayed, stage

#: It writes to so much that it does not converge at the bandwidths below, MiB/s.
BUSY = Workload(working_set=40)
SLOW, CRAWL = 8, 1
IMAGE = "/var/lib/libvirt/disk.img"
DISK = f"""    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{IMAGE}'/><target dev='vda' bus='virtio'/>
    </disk>\n"""

Run = Callable[[Lab, Host, Host], str]


@dataclass(frozen=True)
class Way:
    """A way to move a guest."""

    name: str
    run: Run
    #: It is tried to the same or a newer release, to an older one, or both.
    to: str = "any"


WAYS: list[Way] = []


def way(name: str, *, to: str = "any") -> Callable[[Run], Run]:
    """Notes a way."""

    def note(run: Run) -> Run:
        WAYS.append(Way(name, run, to))
        return run

    return note


@way("plain")
def plain(lab: Lab, source: Host, destination: Host) -> str:
    with stage(lab, source, destination, "plain") as scene:
        machine = scene.machine
        scene.ours.migrate(scene.params())
        check_moved(scene)
        return machine


@way("post-copy")
def post_copy(lab: Lab, source: Host, destination: Host) -> str:
    with stage(lab, source, destination, "postcopy", BUSY) as scene:
        migration = scene.ours.start_migration(
            scene.params(bandwidth=SLOW, flags=DEFAULT | F.POSTCOPY),
            convergence=Convergence(max_downtime=0.01),
        )
        next(progress for progress in migration if progress.memory_remaining > 0)
        migration.force_complete()
        outcome = migration.result()
        taken = [decision.action for decision in outcome.decisions]
        assert "start-post-copy" in taken, taken
        check_moved(scene)
    return ""


@way("parallel")
def parallel(lab: Lab, source: Host, destination: Host) -> str:
    with stage(lab, source, destination, "parallel") as scene:
        scene.ours.migrate(scene.params(parallel_connections=2))
        check_moved(scene)
    return ""


def make_images(*hosts: Host) -> None:
    """An image on each host; the first one's has something in it."""
    for host in hosts:
        host.run("truncate", "--size", "0", IMAGE)
        host.run("truncate", "--size", "8M", IMAGE)
    hosts[0].run("sh", "-c", f"printf written | dd of={IMAGE} conv=notrunc bs=1 seek=4096 status=none")


def check_copied(host: Host) -> None:
    """The image's contents are there."""
    found = host.run("dd", f"if={IMAGE}", "bs=1", "skip=4096", "count=7", "status=none")
    assert found == "written", f"the disk has {found!r}"


@way("copied storage")
def storage(lab: Lab, source: Host, destination: Host) -> str:
    make_images(source, destination)
    with stage(lab, source, destination, "storage", devices=DISK) as scene:
        scene.ours.migrate(scene.params(migrate_disks=["vda"]))
        check_moved(scene)
        check_copied(destination)
    return ""


@way("TLS")
def tls(lab: Lab, source: Host, destination: Host) -> str:
    with stage(lab, source, destination, "tls") as scene:
        scene.ours.migrate(scene.params(flags=DEFAULT | F.TLS).replace(destination=destination.tls_uri))
        check_moved(scene)
    return ""


@way("aborted")
def aborted(lab: Lab, source: Host, destination: Host) -> str:
    with stage(lab, source, destination, "aborted", BUSY) as scene:
        migration = scene.ours.start_migration(scene.params(bandwidth=CRAWL))
        next(progress for progress in migration if progress.memory_remaining > 0)
        migration.abort()
        try:
            migration.result()
        except MigrationCancelled:
            check_stayed(scene)
            return ""
        raise AssertionError("it was aborted, and ended as if it had not been")


@way("without persistent_xml")
def without_persistent(lab: Lab, source: Host, destination: Host) -> str:
    """libvirt's own call without our second definition: what the persistent one is then, and no rule."""
    with stage(lab, source, destination, "raw") as scene:
        scene.guest.domain(source).migrateToURI3(
            destination.uri, {"destination_xml": scene.xml()}, int(FLAGS)
        )
        domain = scene.guest.domain(destination)
        assert listen_address(domain) == destination.address
        stale = listen_address(domain, INACTIVE) != destination.address
        return "stale" if stale else "right"


@way("there and back", to="newer")
def back(lab: Lab, source: Host, destination: Host) -> str:
    """Back to the release where the guest was started, so that its machine type is there."""
    with stage(lab, source, destination, "back") as scene:
        scene.ours.migrate(scene.params())
        check_runs(scene, destination, source)
        home = scene.turned()
        try:
            home.ours.migrate(home.params())
        except MigrationError as error:
            check_stayed(home)
            return f"back: refused: {' '.join(str(error).split())}"
        check_moved(home)
        return "back too"


@way("newer machine type", to="older")
def too_new(lab: Lab, source: Host, destination: Host) -> str:
    """A guest of a machine type that the older release lacks: refused before anything is sent."""
    from libvirt_migrate import Host as Asked

    with stage(lab, source, destination, "toonew", machine="q35") as scene:
        there = Asked.open(destination.uri)
        check = check_machine(there, read_definition(scene.ours.xml(migratable=True)))
        assert (check.result, check.fatal) == ("fail", True), check
        assert scene.machine in check.reason
        check_stayed(scene)
        return check.reason


def command_on(venv: Path) -> Run:
    """The command on the source itself, of its own Python and its own libvirt, by the wheel in `venv`."""

    def run(lab: Lab, source: Host, destination: Host) -> str:
        with stage(lab, source, destination, "command") as scene:
            said = source.run(
                *(str(venv / "bin" / "libvirt-migrate"), "migrate", scene.guest.uuid, destination.uri),
                *("--from", source.uri, "--set", "graphics.listen={host}"),
            )
            assert "the guest runs at the destination" in said, said
            check_moved(scene)
        return ""

    return run


def version(host: Host) -> tuple[int, int, int]:
    """The version of a host's libvirt."""
    number = host.connection().getLibVersion()
    return number // 1_000_000, number // 1000 % 1000, number % 1000


# Errors are told by exceptions; libvirt-python would print them as well.
libvirt.registerErrorHandler(lambda *_: None, None)
