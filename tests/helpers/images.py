"""Images of disks on the lab's hosts: made, filled, and read as a guest would see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from libvirt_migrate.lab import Host, LabGuest

FOLDER = "/var/lib/libvirt/images"
MIB = 1 << 20
SIZE = 8 * MIB


class Images:
    """The images of one host, in the folder where libvirt keeps them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        host.run("mkdir", "-p", FOLDER)

    def path(self, name: str) -> str:
        """Where an image is."""
        return f"{FOLDER}/{name}"

    def make(
        self, name: str, format: str = "raw", size: int = SIZE, upon: tuple[str, str] | None = None
    ) -> str:
        """Makes an empty image, or one upon another one and its format; returns where it is."""
        backing = () if upon is None else ("-b", self.path(upon[0]), "-F", upon[1])
        path = self.path(name)
        self._host.run("qemu-img", "create", "-q", "-f", format, *backing, path, str(size))
        return path

    def write(self, name: str, format: str, *orders: str) -> None:
        """Carries out orders of qemu-io, such as `write -P 0x11 0 1M`."""
        words = [word for order in orders for word in ("-c", order)]
        self._host.run("qemu-io", "-f", format, *words, self.path(name))

    def content(self, name: str, format: str) -> bytes:
        """All that a guest sees. No guest may have the image now."""
        raw = self.path(f"{name}.content")
        self._host.run("qemu-img", "convert", "-f", format, "-O", "raw", self.path(name), raw)
        self._host.run("chmod", "a+r", raw)
        content = (self._host.folder / "lib" / "images" / f"{name}.content").read_bytes()
        self._host.run("rm", raw)
        return content

    def clear(self) -> None:
        """Removes all of them."""
        self._host.run("find", FOLDER, "-type", "f", "-delete")


@contextmanager
def pool_of(host: Host, name: str = "images") -> Iterator[Any]:
    """A storage pool of the images, active."""
    xml = f"<pool type='dir'><name>{name}</name><target><path>{FOLDER}</path></target></pool>"
    pool = host.connection().storagePoolCreateXML(xml)
    try:
        yield pool
    finally:
        pool.destroy()


def disk(name: str, format: str = "raw", target: str = "vda", *, bus: str = "virtio", more: str = "") -> str:
    """A guest's disk with this image."""
    return f"""    <disk type='file' device='disk'>
      <driver name='qemu' type='{format}'/><source file='{FOLDER}/{name}'/>
      <target dev='{target}' bus='{bus}'/>{more}
    </disk>\n"""


def chain(images: Images, formats: Sequence[str]) -> str:
    """A chain of images, each with something of its own; returns the name of the last, the guest's."""
    name, upon = "", None
    for number, format in enumerate(formats):
        name = "vm.img" if number == len(formats) - 1 else f"base{number}.img"
        images.make(name, format, upon=upon)
        # Each one hides a part of what is below it.
        images.write(
            name,
            format,
            f"write -P {0x11 * (number + 1)} {number}M 2M",
            f"write -P {0xA0 + number} {7 * MIB + number * 4096} 4096",
        )
        upon = (name, format)
    if len(formats) > 1:
        # Zeroes at the top are data as well.
        images.write(name, formats[-1], "write -z 512k 512k")
    return name


def content_there(guest: LabGuest, hosts: tuple[Host, Host], format: str, name: str = "vm.img") -> bytes:
    """What the disk of a guest that has moved has at the destination. The guest is ended for it."""
    guest.domain(hosts[1]).destroy()
    return Images(hosts[1]).content(name, format)
