"""Devices that libvirt or QEMU do not migrate, and some that they do."""

from __future__ import annotations

from .frame import Stage, replacing
from .situation import situation

THEME = "Devices and the processor"
#: What hot-plugged memory needs, to be put before the clock.
_CELL = (
    "<features><acpi/></features><cpu><numa><cell id='0' cpus='0' memory='64' unit='MiB'/></numa></cpu><clock"
)


@situation(THEME, "shared memory as a peer", "fatal", "devices", quick=True)
def shared_memory_peer(stage: Stage) -> None:
    stage.start("<shmem name='s' role='peer'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>")


@situation(THEME, "shared memory as the master", "ready")
def shared_memory_master(stage: Stage) -> None:
    stage.start("<shmem name='s' role='master'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>")


@situation(THEME, "a transient disk", "fatal", "devices")
def transient_disk(stage: Stage) -> None:
    image = stage.image(stage.source, "a.raw")
    stage.start(
        f"<disk type='file'><driver name='qemu' type='raw'/><source file='{image}'/>"
        "<target dev='vda' bus='virtio'/><transient/></disk>"
    )
    stage.options += ["--unsafe"]


@situation(THEME, "a 9p filesystem that the guest has not mounted", "ready", unknown=("files",))
def folder_not_mounted(stage: Stage) -> None:
    for host in (stage.source, stage.destination):
        host.run("install", "-d", "/var/lib/libvirt/shared")
    stage.start(
        "<filesystem type='mount' accessmode='mapped'><source dir='/var/lib/libvirt/shared'/>"
        "<target dir='a'/></filesystem>"
    )


@situation(THEME, "a 9p filesystem of a folder that the destination lacks", "unknown", unknown=("files",))
def folder_missing(stage: Stage) -> None:
    stage.source.run("install", "-d", "/var/lib/libvirt/only-here")
    stage.start(
        "<filesystem type='mount' accessmode='mapped'><source dir='/var/lib/libvirt/only-here'/>"
        "<target dir='a'/></filesystem>"
    )


@situation(THEME, "a random number generator, a watchdog and a panic device", "ready")
def usual_devices(stage: Stage) -> None:
    stage.start(
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
        "<watchdog model='i6300esb' action='reset'/><panic model='isa'/>"
    )


@situation(THEME, "a sound card that QEMU cannot migrate (USB)", "fatal", "source", quick=True)
def usb_sound(stage: Stage) -> None:
    stage.start(
        "<sound model='usb'/>",
        edit=replacing("<controller type='usb' model='none'/>", "<controller type='usb' model='qemu-xhci'/>"),
    )


@situation(THEME, "a USB controller, tablet and keyboard", "ready")
def usb_devices(stage: Stage) -> None:
    stage.start(
        "<input type='tablet' bus='usb'/><input type='keyboard' bus='usb'/>",
        edit=replacing("<controller type='usb' model='none'/>", "<controller type='usb' model='qemu-xhci'/>"),
    )


@situation(THEME, "a memory file that the destination has too (NVDIMM)", "ready", unknown=("files",))
def nvdimm(stage: Stage) -> None:
    for host in (stage.source, stage.destination):
        stage.image(host, "nvdimm", "64M")
    path = f"/var/lib/libvirt/images/{stage.name}-nvdimm"
    stage.start(
        f"<memory model='nvdimm'><source><path>{path}</path></source>"
        "<target><size unit='M'>64</size><node>0</node></target></memory>",
        edit=replacing(
            "<memory unit='MiB'>64</memory>",
            "<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>128</memory>",
            "<clock",
            _CELL,
        ),
    )


@situation(THEME, "hot-plugged memory (DIMM)", "ready")
def dimm(stage: Stage) -> None:
    domain = stage.start(
        edit=replacing(
            "<memory unit='MiB'>64</memory>",
            "<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>64</memory>",
            "<clock",
            _CELL,
        ),
    )
    domain.attachDeviceFlags(
        "<memory model='dimm'><target><size unit='M'>128</size><node>0</node></target></memory>", 1
    )


@situation(THEME, "a hot-plugged processor", "ready")
def hot_plugged_processor(stage: Stage) -> None:
    domain = stage.start(edit=replacing("<vcpu>1</vcpu>", "<vcpu current='1'>2</vcpu>"))
    domain.setVcpus(2)


@situation(THEME, "an interface of type user", "ready")
def user_interface(stage: Stage) -> None:
    stage.start("<interface type='user'><model type='virtio'/></interface>")


@situation(THEME, "a channel of the guest agent", "ready")
def agent_channel(stage: Stage) -> None:
    stage.start("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>")


@situation(THEME, "a display with a password", "ready")
def password(stage: Stage) -> None:
    stage.start(edit=replacing("autoport='yes'", "autoport='yes' passwd='secret'"))
