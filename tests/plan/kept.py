"""What libvirt keeps of a guest, and jobs."""

from __future__ import annotations

import contextlib
import threading
import time

import libvirt

from libvirt_migrate.lab.host import open_connection

from .frame import Stage
from .situation import situation

THEME = "Snapshots, saved images and jobs"


def _disk(path: str, *, target: str = "vda", kind: str = "qcow2", more: str = "") -> str:
    return (
        f"<disk type='file'><driver name='qemu' type='{kind}'{more}/>"
        f"<source file='{path}'/><target dev='{target}'/></disk>"
    )


@situation(THEME, "a snapshot of the disk and the memory", "fatal", "snapshots", quick=True)
def snapshot(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2", size="64M")
    stage.start(_disk(image)).snapshotCreateXML("<domainsnapshot/>")
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "a snapshot of the disk alone, with an overlay", "fatal", "snapshots")
def external_snapshot(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2")
    overlay = stage.image(stage.source, "overlay.qcow2", kind="qcow2")
    stage.start(_disk(image)).snapshotCreateXML(
        f"<domainsnapshot><disks><disk name='vda'><source file='{overlay}'/></disk></disks></domainsnapshot>",
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT,
    )
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "a snapshot that libvirt has forgotten, in an image that is copied", "ready")
def forgotten_snapshot(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2", size="64M")
    stage.image(stage.destination, "a.qcow2", kind="qcow2", size="64M")
    made = stage.start(_disk(image)).snapshotCreateXML("<domainsnapshot/>")
    made.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "a checkpoint", "ready")
def checkpoint(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2", size="64M")
    stage.image(stage.destination, "a.qcow2", kind="qcow2", size="64M")
    stage.start(_disk(image)).checkpointCreateXML("<domaincheckpoint/>")
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "a block copy that waits to be pivoted to", "fatal", "block-jobs")
def block_copy(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2")
    copy = stage.image(stage.source, "copy.qcow2", kind="qcow2")
    domain = stage.start(_disk(image), transient=True)
    flags = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
    domain.blockCopy("vda", f"<disk type='file'><source file='{copy}'/></disk>", flags=flags)
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "it ends with the connection that has started it", "fatal", "source")
def auto_destroy(stage: Stage) -> None:
    stage.start().destroy()
    assert stage.guest is not None
    stage.domain(stage.source).createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)


@situation(THEME, "it is shut off", "fatal", "guest", quick=True)
def shut_off(stage: Stage) -> None:
    stage.start().destroy()


@situation(THEME, "a backup that is read from", "fatal", "guest")
def backup(stage: Stage) -> None:
    image = stage.image(stage.source, "a.qcow2", kind="qcow2")
    socket = f"/var/lib/libvirt/images/{stage.name}.sock"
    domain = stage.start(_disk(image))
    domain.backupBegin(
        f"<domainbackup mode='pull'><server transport='unix' socket='{socket}'/></domainbackup>", None
    )
    stage.clean.callback(domain.abortJob)
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "an earlier migration that was aborted", "ready")
def aborted_before(stage: Stage) -> None:
    domain = stage.start()
    params = {libvirt.VIR_MIGRATE_PARAM_BANDWIDTH: 1}
    flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    params[libvirt.VIR_MIGRATE_PARAM_DEST_XML] = xml.replace(stage.source.address, stage.destination.address)

    def move() -> None:
        # A call that blocks has a connection of its own.
        connection = open_connection(stage.source.uri)
        with contextlib.suppress(libvirt.libvirtError):
            connection.lookupByUUIDString(domain.UUIDString()).migrateToURI3(
                stage.destination.uri, params, flags
            )
        connection.close()

    thread = threading.Thread(target=move)
    thread.start()
    while not domain.jobStats().get("memory_processed", 0):
        time.sleep(0.02)
    domain.abortJob()
    thread.join()


@situation(THEME, "a managed save of it at the destination", "fail", "name", quick=True)
def managed_save_there(stage: Stage) -> None:
    stage.start()
    assert stage.guest is not None
    kept = stage.define(
        stage.destination, lambda xml: xml.replace(stage.source.address, stage.destination.address)
    )
    # The same guest cannot run twice without its one disk; this one has none.
    kept.create()
    kept.managedSave()

    def harm() -> str:
        domain = stage.domain(stage.destination)
        domain.destroy()
        domain.create()
        state, reason = domain.state()
        assert (state, reason) == (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED), reason
        return "the next start goes on from the old image"

    stage.harm = harm
