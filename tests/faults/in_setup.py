"""Faults while a migration is set up: no memory has moved, so all of the guest is at the source."""

from __future__ import annotations

import re

from libvirt_migrate import Convergence, Guest, MigrationCancelled
from libvirt_migrate.lab import faults

from .case import case
from .judge import ended, stays
from .scene import DEFAULT, NAME, F, Scene

AGAIN = "Nothing but to remove the cause: the guest was left alone. Migrate again."
START = "Start the guest at the source: what happened to it has nothing to do with the migration."


@case("setup", "destination's daemon is down", AGAIN)
def setup_destination_daemon_down(scene: Scene) -> None:
    faults.kill_daemon(scene.destination)
    scene.now()
    scene.begin()
    told = scene.told()
    scene.destination.start_daemon()
    stays(scene, told, "unable to connect to server")


@case("setup", "source's QEMU killed", START)
def setup_source_qemu_killed(scene: Scene) -> None:
    scene.in_setup()
    scene.now()
    faults.kill_qemu(scene.source, NAME)
    told = scene.told()
    assert told.error is not None
    assert re.search("not running|no longer running|closed the monitor|no domain", str(told.error)), (
        told.error
    )
    assert told.place in ("source-shut-off", "source-running"), told
    ended(scene, scene.source)


@case("setup", "destination's QEMU killed", AGAIN)
def setup_destination_qemu_killed(scene: Scene) -> None:
    scene.in_setup()
    scene.now()
    faults.kill_qemu(scene.destination, NAME)
    stays(scene, scene.told(), "closed the monitor|monitor|job 'migration|not running")


@case("setup", "source's daemon killed", "Start the daemon; its guests run on. Migrate again.")
def setup_source_daemon_killed(scene: Scene) -> None:
    scene.in_setup()
    scene.now()
    faults.kill_daemon(scene.source)
    scene.source.start_daemon()
    stays(scene, scene.told(), "End of file|connection|Connection|closed|Broken pipe")


@case("setup", "destination's daemon killed", AGAIN)
def setup_destination_daemon_killed(scene: Scene) -> None:
    scene.in_setup()
    scene.now()
    faults.kill_daemon(scene.destination)
    scene.destination.start_daemon()
    stays(scene, scene.told(), "client socket is closed|End of file|connection")


@case("setup", "destination's daemon restarted", AGAIN)
def setup_destination_daemon_restarted(scene: Scene) -> None:
    scene.in_setup()
    scene.now()
    faults.restart_daemon(scene.destination)
    stays(scene, scene.told(), "client socket is closed|End of file|connection")


@case(
    "setup",
    "data connection dropped",
    AGAIN + " libvirt tries to connect for two minutes.",
)
def setup_data_dropped(scene: Scene) -> None:
    faults.drop(scene.destination, faults.DATA)
    scene.now()
    scene.begin(convergence=Convergence(deadline=4))
    told = scene.told(timeout=170)
    faults.heal(scene.destination)
    stays(scene, told, "canceled by client|timed out|aborted")


@case("setup", "listen address is not the host's", AGAIN)
def setup_listen_address_wrong(scene: Scene) -> None:
    scene.now()
    scene.begin(listen_address="203.0.113.9")
    stays(scene, scene.told(), "203.0.113.9|Cannot assign requested address|closed the monitor")


@case("setup", "port of the data taken", AGAIN + " Without a port in migrate_uri libvirt chooses a free one.")
def setup_port_taken(scene: Scene) -> None:
    with faults.taken_ports(scene.destination, "49300"):
        scene.now()
        scene.begin(migrate_uri=f"tcp://{scene.destination.address}:49300")
        told = scene.told()
    stays(scene, told, "Address already in use|in use|closed the monitor")


@case("setup", "all ports of the data taken", AGAIN)
def setup_all_ports_taken(scene: Scene) -> None:
    with faults.taken_ports(scene.destination, faults.DATA):
        scene.now()
        scene.begin()
        told = scene.told()
    stays(scene, told, "Unable to find an unused port|Address already in use|closed the monitor")


@case(
    "setup",
    "destination's memory short",
    AGAIN + " The command's checks tell beforehand.",
    options={"memory": 1024},
)
def setup_memory_short(scene: Scene) -> None:
    with faults.short_memory(scene.destination, 256):
        scene.now()
        scene.begin()
        told = scene.told()
    stays(scene, told, "[Cc]annot allocate memory")


DISK = "/var/lib/libvirt/images/disk.img"
_DISK_XML = f"""    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{DISK}'/><target dev='vda' bus='virtio'/>
    </disk>
"""


def add_disk(scene: Scene) -> None:
    """Has a disk of 8 MiB, full of data, at the source, and a place for it at the destination."""
    for host in scene.hosts:
        host.run("sh", "-c", f"mkdir -p {DISK.rpartition('/')[0]}; truncate -s 8M {DISK}")
    scene.source.run("dd", "if=/dev/urandom", f"of={DISK}", "bs=1M", "count=8", "conv=notrunc", "status=none")
    scene.guest = scene.lab.start_guest(NAME, memory=64, devices=_DISK_XML)
    scene.always = {"migrate_disks": ["vda"], "flags": DEFAULT | F.NON_SHARED_DISK}


@case("setup", "destination's disk full while a disk is copied", AGAIN, options={"guest": False})
def setup_disk_full(scene: Scene) -> None:
    add_disk(scene)
    with faults.full_disk(scene.destination, DISK.rpartition("/")[0], "2m"):
        scene.destination.run("truncate", "-s", "8M", DISK)
        scene.now()
        scene.begin()
        told = scene.told()
    stays(scene, told, "No space left|migration of disk vda failed|block job|[Ii]nput/output")


@case("setup", "the caller aborts at once", "Nothing.")
def setup_abort(scene: Scene) -> None:
    guest = Guest.open(scene.guest.uuid, scene.source.uri)
    scene.now()
    migration = guest.start_migration(scene.params(bandwidth=1))
    migration.abort()
    told = scene.told(migration)
    assert isinstance(told.error, MigrationCancelled)
    stays(scene, told, "abort|cancel")
