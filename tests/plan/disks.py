"""Disks that are shared or copied, as the source's libvirt judges them."""

from __future__ import annotations

from .frame import Stage
from .situation import situation

THEME = "Disks, at the source"


def _disk(path: str, *, more: str = "", target: str = "vda", kind: str = "raw") -> str:
    return (
        f"<disk type='file'><driver name='qemu' type='{kind}'{more}/><source file='{path}'/>"
        f"<target dev='{target}' bus='virtio'/></disk>"
    )


@situation(
    THEME, "an image on a local filesystem, neither copied nor shared", "fatal", "shared-storage", quick=True
)
def local_image(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a")))


@situation(THEME, "the same with cache='none'", "fatal", "shared-storage")
def local_image_without_cache(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a"), more=" cache='none'"))


@situation(THEME, "an image that both hosts have, with --unsafe", "ready", unknown=("shared-storage",))
def unsafe(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a")))
    stage.image(stage.destination, "a")
    stage.options += ["--unsafe"]


@situation(THEME, "a read-only image that both hosts have", "ready")
def read_only(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a")).replace("</disk>", "<readonly/></disk>"))
    stage.image(stage.destination, "a")


@situation(THEME, "an image that is copied", "ready", quick=True)
def copied(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a")))
    stage.image(stage.destination, "a")
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "one image copied, and one that is neither copied nor shared", "fatal", "shared-storage")
def one_of_two_copied(stage: Stage) -> None:
    disks = [_disk(stage.image(stage.source, name), target=f"vd{name}") for name in "ab"]
    stage.start("".join(disks))
    stage.image(stage.destination, "a")
    stage.options += ["--copy-storage", "vda"]


@situation(THEME, "an empty CD-ROM drive", "ready")
def empty_drive(stage: Stage) -> None:
    stage.start("<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>")


@situation(THEME, "a disk over the network", "ready")
def network_disk(stage: Stage) -> None:
    image = stage.image(stage.source, "a")
    pid_file = "/run/libvirt/nbd.pid"
    server = ("qemu-nbd", "--fork", "--persistent", "--shared=4", "-f", "raw", "--pid-file", pid_file)
    stage.source.run(*server, "-b", stage.source.address, image)
    process = stage.source.run("cat", pid_file).strip()
    stage.clean.callback(stage.source.run, "kill", process)
    stage.start(
        "<disk type='network'><driver name='qemu' type='raw'/><source protocol='nbd'>"
        f"<host name='{stage.source.address}' port='10809'/></source><target dev='vda' bus='virtio'/></disk>"
    )


@situation(THEME, "a CD in the drive that the destination lacks", "fail", "storage")
def missing_cd(stage: Stage) -> None:
    image = stage.image(stage.source, "cd.iso")
    stage.start(
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{image}'/>"
        "<target dev='hdc' bus='ide'/><readonly/></disk>"
    )


@situation(THEME, "an image that the destination lacks, with --unsafe", "fail", "storage")
def unsafe_missing(stage: Stage) -> None:
    stage.start(_disk(stage.image(stage.source, "a")))
    stage.options += ["--unsafe"]
