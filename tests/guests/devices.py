"""Other devices."""

from __future__ import annotations

import socket
import time

import libvirt

from libvirt_migrate.lab import Host
from plan.frame import replacing

from .cell import cell
from .frame import Stage

THEME = "Other devices"
USB = ("<controller type='usb' model='none'/>", "<controller type='usb' model='qemu-xhci'/>")


@cell(THEME, "a watchdog, a random number generator and a panic device")
def usual(stage: Stage) -> None:
    stage.start(
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
        "<watchdog model='i6300esb' action='reset'/><panic model='isa'/>"
    )

    def check(host: Host) -> None:
        assert stage.run(host, "dd if=/dev/hwrng bs=16 count=4 2>/dev/null | wc -c") == "64"

    stage.checks.append(check)


@cell(THEME, "USB: a tablet and a keyboard, on q35")
def usb(stage: Stage) -> None:
    stage.start(
        "<input type='tablet' bus='usb'/><input type='keyboard' bus='usb'/>",
        edit=replacing(*USB),
        machine="q35",
    )


@cell(THEME, "sound (ICH9), and a virtio keyboard")
def sound(stage: Stage) -> None:
    stage.start("<sound model='ich9'/><input type='keyboard' bus='virtio'/>", machine="q35")


@cell(THEME, "qemu-guest-agent")
def guest_agent(stage: Stage) -> None:
    stage.start()

    def check(host: Host) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                found = stage.domain(host).guestInfo(libvirt.VIR_DOMAIN_GUEST_INFO_HOSTNAME)
                break
            except libvirt.libvirtError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert found == {"hostname": "lab-guest"}

    stage.checks.append(check)


def two_channels(stage: Stage) -> str:
    """A channel by TCP, and one to a file."""
    return (
        f"<channel type='tcp'><source mode='bind' host='{stage.source.address}' service='5999'/>"
        "<protocol type='raw'/><target type='virtio' name='org.example.tcp'/></channel>"
        "<channel type='file'><source path='/var/log/libvirt/channel'/>"
        "<target type='virtio' name='org.example.file'/></channel>"
    )


def speaks(stage: Stage) -> None:
    """What the guest writes into its two channels arrives."""
    stage.options += ["--set", "listeners.address={host}"]

    def check(host: Host) -> None:
        ports = "for at in /sys/class/virtio-ports/*; do"
        port = ports + ' [ "$(cat $at/name)" = org.example.%s ] && echo /dev/${at##*/}; done'
        with socket.create_connection((host.address, 5999), timeout=10) as line:
            line.settimeout(20)
            stage.run(host, f"echo here-{host.name} > $({port % 'tcp'})")
            assert line.recv(100) == f"here-{host.name}\n".encode()
        stage.run(host, f"echo here-{host.name} > $({port % 'file'})")
        assert f"here-{host.name}" in host.run("cat", "/var/log/libvirt/channel")

    stage.checks.append(check)


@cell(THEME, "a channel by TCP, and one to a file", unknown=("ports",))
def channels(stage: Stage) -> None:
    stage.start(two_channels(stage))
    speaks(stage)


@cell(THEME, "virtiofs, which QEMU 7.2 does not migrate", refused="source")
def virtiofs(stage: Stage) -> None:
    for host in stage.hosts:
        host.run("install", "-d", "/var/lib/libvirt/share")
    stage.start(
        "<filesystem type='mount'><driver type='virtiofs'/><source dir='/var/lib/libvirt/share'/>"
        "<target dir='share'/></filesystem>",
        edit=replacing(
            "<os>", "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><os>"
        ),
    )


@cell(THEME, "virtiofs whose daemon was started by somebody else", refused="source")
def virtiofs_external(stage: Stage) -> None:
    import subprocess

    from libvirt_migrate.lab.namespaces import enter_host

    stage.source.run("install", "-d", "/var/lib/libvirt/share")
    path = "/var/lib/libvirt/virtiofsd.sock"
    serve = ("/usr/lib/qemu/virtiofsd", f"--socket-path={path}", "-o", "source=/var/lib/libvirt/share")
    daemon = subprocess.Popen(
        [*enter_host(stage.source.pid), *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stage.clean.callback(daemon.wait, 30)
    for _ in range(100):
        if (stage.source.folder / "lib" / "virtiofsd.sock").exists():
            break
        time.sleep(0.05)
    stage.start(
        f"<filesystem type='mount'><driver type='virtiofs' queue='1024'/><source socket='{path}'/>"
        "<target dir='share'/></filesystem>",
        edit=replacing(
            "<os>", "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><os>"
        ),
    )


@cell(THEME, "a folder by 9p that is not mounted (the guest has no driver for it)", unknown=("files",))
def folder_9p(stage: Stage) -> None:
    for host in stage.hosts:
        host.run("install", "-d", "/var/lib/libvirt/share")
    stage.start(
        "<filesystem type='mount' accessmode='mapped'><source dir='/var/lib/libvirt/share'/>"
        "<target dir='share'/></filesystem>"
    )
