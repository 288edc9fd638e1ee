"""All at once, as far as it goes together in one guest."""

from __future__ import annotations

from plan.frame import replacing

from .cell import cell
from .devices import USB, speaks, two_channels
from .disks import disk, works
from .displays import VNC_PASSWORD, wants_password
from .firmware import OVMF, keeps_variables, opens_what_was_sealed
from .frame import Stage
from .interfaces import NIC, reaches
from .memory import has_processors

THEME = "All together"
_DEVICES = (
    "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
    "<watchdog model='i6300esb' action='reset'/><sound model='ich9'/>"
    "<input type='tablet' bus='usb'/><input type='keyboard' bus='virtio'/>"
    "<controller type='scsi' model='virtio-scsi'/>"
)


@cell(
    THEME,
    "q35 with OVMF, a TPM, two processors, disks on virtio-blk and virtio-scsi, a second interface, "
    "two channels, rng, watchdog, USB, sound, and VNC with a password",
    unknown=("shared-storage", "ports"),
)
def together(stage: Stage) -> None:
    folder = stage.shared_folder()
    for kind in ("raw", "qcow2"):
        stage.source.run("qemu-img", "create", "-q", "-f", kind, str(folder / kind), "16M")
    disks = disk(str(folder / "raw")) + disk(str(folder / "qcow2"), "sda", "scsi", "qcow2")
    stage.start(
        _DEVICES + disks + NIC + two_channels(stage),
        edit=replacing("<os>", OVMF, *USB, *VNC_PASSWORD, "<vcpu>1</vcpu>", "<vcpu>2</vcpu>"),
        memory=320,
        machine="q35",
    )
    keeps_variables(stage)
    opens_what_was_sealed(stage)
    works(stage, "/dev/vda")
    works(stage, "/dev/sda")
    reaches(stage)
    speaks(stage)
    wants_password(stage)
    has_processors(stage, 2)
