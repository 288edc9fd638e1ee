"""Disks, shared and copied."""

from __future__ import annotations

import libvirt

from helpers.images import pool_of
from libvirt_migrate.lab import Host
from plan.frame import replacing

from .cell import cell
from .frame import LIVE, Stage

THEME = "Disks"


def disk(path: str, target: str = "vda", bus: str = "virtio", kind: str = "raw", more: str = "") -> str:
    """A disk of a file."""
    return (
        f"<disk type='file'><driver name='qemu' type='{kind}'/><source file='{path}'/>"
        f"<target dev='{target}' bus='{bus}'/>{more}</disk>"
    )


def works(stage: Stage, device: str) -> None:
    """The guest finds on a device what it wrote before, reads it from the device itself, and writes anew."""
    written: list[str] = []

    def check(host: Host) -> None:
        read = f"echo 3 > /proc/sys/vm/drop_caches; dd if={device} bs=64k count=16 2>/dev/null | sha256sum"
        if written:
            assert stage.run(host, read) == written[0]
        write = f"dd if=/dev/urandom of={device} bs=64k count=16 2>/dev/null; sync"
        written[:] = [stage.run(host, f"{write}; {read}")]

    stage.checks.append(check)


@cell(THEME, "virtio-blk, raw, shared", unknown=("shared-storage",))
def virtio_blk(stage: Stage) -> None:
    path = str(stage.shared_folder() / "a.raw")
    stage.source.run("qemu-img", "create", "-q", "-f", "raw", path, "16M")
    stage.start(disk(path))
    works(stage, "/dev/vda")


@cell(THEME, "virtio-scsi, qcow2, an overlay on an overlay, shared", unknown=("shared-storage",))
def virtio_scsi_chain(stage: Stage) -> None:
    folder = stage.shared_folder()
    stage.source.run("qemu-img", "create", "-q", "-f", "qcow2", str(folder / "base"), "16M")
    for name, upon in (("middle", "base"), ("top", "middle")):
        backing = ("-b", str(folder / upon), "-F", "qcow2")
        stage.source.run("qemu-img", "create", "-q", "-f", "qcow2", *backing, str(folder / name))
    stage.start(
        "<controller type='scsi' model='virtio-scsi'/>" + disk(str(folder / "top"), "sda", "scsi", "qcow2")
    )
    works(stage, "/dev/sda")


@cell(THEME, "IDE, raw, shared", unknown=("shared-storage",))
def ide(stage: Stage) -> None:
    path = str(stage.shared_folder() / "a.raw")
    stage.source.run("qemu-img", "create", "-q", "-f", "raw", path, "16M")
    stage.start(disk(path, "hda", "ide"))
    works(stage, "/dev/sda")


@cell(THEME, "two virtio-blk disks, qcow2, copied")
def copied(stage: Stage) -> None:
    for host in stage.hosts:
        for name in "ab":
            stage.image(host, name)
            if host is stage.destination:
                # The pool is where libvirt makes it.
                host.run("rm", f"/var/lib/libvirt/images/{stage.name}-{name}")
        stage.clean.enter_context(pool_of(host))
    path = f"/var/lib/libvirt/images/{stage.name}-"
    stage.start(disk(f"{path}a", "vda", kind="qcow2") + disk(f"{path}b", "vdb", kind="qcow2"))
    stage.options += ["--copy-storage", "all"]
    works(stage, "/dev/vda")
    works(stage, "/dev/vdb")


@cell(THEME, "LUKS, its key a secret of both hosts, shared", unknown=("shared-storage",))
def luks(stage: Stage) -> None:
    path = str(stage.shared_folder() / "a.luks")
    secret, key = "5c2d1d7e-1111-4222-8333-abcdefabcdef", "swordfish"
    make = ("qemu-img", "create", "-q", "--object", f"secret,id=k,data={key}", "-f", "luks")
    stage.source.run(*make, "-o", "key-secret=k,iter-time=10", path, "16M")
    xml = f"<secret ephemeral='no' private='yes'><uuid>{secret}</uuid></secret>"
    for host in stage.hosts:
        defined = host.connection().secretDefineXML(xml)
        defined.setValue(key.encode(), 0)
        stage.clean.callback(defined.undefine)
    encryption = f"<encryption format='luks'><secret type='passphrase' uuid='{secret}'/></encryption>"
    stage.start(
        disk(path).replace("<source", "<source").replace("/><target", f">{encryption}</source><target")
    )
    works(stage, "/dev/vda")


@cell(THEME, "a CD-ROM with a medium that both hosts have, and one without")
def cdroms(stage: Stage) -> None:
    path = f"/var/lib/libvirt/images/{stage.name}-cd.iso"
    for host in stage.hosts:
        host.run("sh", "-c", f"seq 200000 > {path}")
        stage.clean.callback(host.run, "rm", "-f", path)
    stage.start(
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{path}'/>"
        "<target dev='hda' bus='ide'/><readonly/></disk>"
        "<disk type='file' device='cdrom'><target dev='hdb' bus='ide'/><readonly/></disk>"
    )

    def check(host: Host) -> None:
        assert (
            stage.run(
                host,
                "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/sr0 bs=1k count=900 2>/dev/null | sha256sum",
            )
            == expected
        )
        assert "No medium" in stage.run(host, "dd if=/dev/sr1 count=1 2>&1; true")

    expected = stage.run(
        stage.source, "seq 200000 | dd bs=1k count=900 iflag=fullblock 2>/dev/null | sha256sum"
    )
    stage.checks.append(check)


@cell(THEME, "a disk that was plugged in while it ran", unknown=("shared-storage",))
def plugged_disk(stage: Stage) -> None:
    path = str(stage.shared_folder() / "a.raw")
    stage.source.run("qemu-img", "create", "-q", "-f", "raw", path, "16M")
    domain = stage.start()
    domain.attachDeviceFlags(disk(path), LIVE)
    stage.run(stage.source, "for i in $(seq 50); do [ -b /dev/vda ] && exit 0; sleep 0.2; done; exit 1")
    works(stage, "/dev/vda")

    def not_kept(host: Host) -> None:
        assert path in stage.domain(host).XMLDesc()
        assert path not in stage.domain(host).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)

    stage.checks.append(not_kept)
    stage.checks_restarted = [lambda host: _lacks(stage, host, "/dev/vda")]


@cell(THEME, "a disk that was pulled out while it ran", unknown=("shared-storage",))
def pulled_disk(stage: Stage) -> None:
    folder = stage.shared_folder()
    for name in "ab":
        stage.source.run("qemu-img", "create", "-q", "-f", "raw", str(folder / name), "16M")
    domain = stage.start(disk(str(folder / "a")) + disk(str(folder / "b"), "vdb"))
    works(stage, "/dev/vda")
    domain.detachDeviceFlags(disk(str(folder / "b"), "vdb"), LIVE)
    gone = "for i in $(seq 50); do [ -b /dev/vdb ] || exit 0; sleep 0.2; done; exit 1"
    stage.run(stage.source, gone)
    stage.checks.append(lambda host: _lacks(stage, host, "/dev/vdb"))
    # It is in the persistent definition still.
    stage.checks_restarted = [stage.checks[0], lambda host: _has(stage, host, "/dev/vdb")]


def _lacks(stage: Stage, host: Host, device: str) -> None:
    assert stage.run(host, f"[ -b {device} ] && echo there; true") == ""


def _has(stage: Stage, host: Host, device: str) -> None:
    assert stage.run(host, f"[ -b {device} ] && echo there; true") == "there"


@cell(THEME, "virtio-blk with an iothread, discard and a serial number, shared", unknown=("shared-storage",))
def with_iothread(stage: Stage) -> None:
    path = str(stage.shared_folder() / "a.raw")
    stage.source.run("qemu-img", "create", "-q", "-f", "raw", path, "16M")
    xml = disk(path, more="<serial>odd-serial_1</serial>").replace(
        "type='raw'/>", "type='raw' discard='unmap' iothread='1'/>"
    )
    stage.start(xml, edit=replacing("<os>", "<iothreads>1</iothreads><os>"))
    works(stage, "/dev/vda")
    stage.checks.append(lambda host: _serial(stage, host))


@cell(THEME, "NVMe, which QEMU does not migrate", refused="source")
def nvme(stage: Stage) -> None:
    # libvirt has no NVMe of its own before 11.5; people pass it to QEMU like this.
    path = stage.image(stage.source, "nvme", kind="raw")
    words = (f"if=none,id=nv,format=raw,file={path}", "nvme,drive=nv,serial=lab,addr=0x1d")
    more = "".join(
        f"<qemu:arg value='-{option}'/><qemu:arg value='{word}'/>"
        for option, word in zip(("drive", "device"), words, strict=True)
    )
    stage.start(
        edit=replacing(
            "<domain type='qemu'",
            "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'",
            "</domain>",
            f"<qemu:commandline>{more}</qemu:commandline></domain>",
        )
    )


def _serial(stage: Stage, host: Host) -> None:
    assert stage.run(host, "cat /sys/block/vda/serial") == "odd-serial_1"
