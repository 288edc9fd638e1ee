"""Firmware, other files and secrets that a guest has at its source."""

from __future__ import annotations

from collections.abc import Callable

from .frame import Stage, replacing, with_devices
from .made import BIOS, FOLDER, file, folder, secret
from .situation import situation

THEME = "Files and secrets of the destination"
_UUID = "1b26ac4c-8c8f-4d8d-9b5f-8b3f6a1f1c11"


def booting(text: str) -> Callable[[str], str]:
    """An edit for a guest that boots with something."""
    return replacing("</os>", f"{text}</os>", "<clock", "<features><acpi/></features><clock")


def flash(loader: str, nvram: str, template: str) -> Callable[[str], str]:
    """An edit for a guest whose firmware keeps variables."""
    code = f"<loader readonly='yes' type='pflash'>{loader}</loader>"
    return booting(f"{code}<nvram template='{template}'>{nvram}</nvram>")


@situation(THEME, "its firmware is missing there", "fail", "firmware", quick=True)
def firmware_missing(stage: Stage) -> None:
    path = file(stage, stage.source, "code.fd")
    stage.start(edit=booting(f"<loader type='rom'>{path}</loader>"))


@situation(THEME, "its firmware is at both", "ready")
def firmware_at_both(stage: Stage) -> None:
    for host in (stage.source, stage.destination):
        path = file(stage, host, "code.fd")
    stage.start(edit=booting(f"<loader type='rom'>{path}</loader>"))


@situation(THEME, "neither the variables of its firmware are there nor their template", "fail", "firmware")
def template_missing(stage: Stage) -> None:
    folder(stage, stage.destination, "")
    template = file(stage, stage.source, "vars.fd")
    stage.start(edit=flash(BIOS, f"{FOLDER}/{stage.name}-nvram.fd", template))


@situation(THEME, "the variables of its firmware are made there of their template", "ready")
def template_at_both(stage: Stage) -> None:
    for host in (stage.source, stage.destination):
        template = file(stage, host, "vars.fd")
    stage.start(edit=flash(BIOS, f"{FOLDER}/{stage.name}-nvram.fd", template))


@situation(THEME, "the folder of its firmware's variables is missing there", "fail", "firmware")
def variables_without_folder(stage: Stage) -> None:
    own = folder(stage, stage.source, "nvram")
    stage.start(edit=flash(BIOS, f"{own}/nvram.fd", BIOS))


@situation(THEME, "the kernel that it was started with is missing there", "fail", "files")
def kernel_missing(stage: Stage) -> None:
    path = file(stage, stage.source, "kernel.elf", "/var/lib/libvirt/guest.elf")
    stage.start(edit=replacing("/var/lib/libvirt/guest.elf", path))


@situation(THEME, "the folder of a channel's socket is missing there", "fail", "files")
def socket_without_folder(stage: Stage) -> None:
    path = folder(stage, stage.source, "sockets")
    source = f"<source mode='bind' path='{path}/agent'/>"
    stage.start(f"<channel type='unix'>{source}<target type='virtio' name='agent'/></channel>")


@situation(THEME, "the folder of a serial port's log is missing there", "fail", "files")
def log_without_folder(stage: Stage) -> None:
    path = folder(stage, stage.source, "logs")
    stage.start(edit=with_devices(f"<serial type='null'><log file='{path}/one.log'/></serial>"))


@situation(
    THEME,
    "only the definition that is kept has firmware that is missing there",
    "fail",
    "persistent-definition",
)
def firmware_of_next_start(stage: Stage) -> None:
    path = file(stage, stage.source, "code.fd")
    stage.start()
    stage.keep(booting(f"<loader type='rom'>{path}</loader>"))


@situation(THEME, "the secret of an encrypted disk is missing there", "fatal", "secrets")
def secret_missing(stage: Stage) -> None:
    # Both hosts see it, as if it were shared.
    path = f"/tmp/{stage.name}-{stage.source.pid}.luks"  # noqa: S108
    stage.clean.callback(stage.source.run, "rm", "-f", path)
    options = ["--object", "secret,id=s,data=secret", "-f", "luks", "-o", "key-secret=s,iter-time=10"]
    stage.source.run("qemu-img", "create", "-q", *options, path, "1M")
    secret(stage, stage.source, _UUID, b"secret")
    # So that libvirt does not stop before it comes to the secret.
    stage.options.append("--unsafe")
    encryption = f"<encryption format='luks'><secret type='passphrase' uuid='{_UUID}'/></encryption>"
    driver, target = "<driver name='qemu' type='raw' cache='none'/>", "<target dev='vda' bus='virtio'/>"
    stage.start(f"<disk type='file'>{driver}<source file='{path}'>{encryption}</source>{target}</disk>")
