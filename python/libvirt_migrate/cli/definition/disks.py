"""What the checks need to know of a guest's disks."""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass


@dataclass(frozen=True)
class Disk:
    """A disk in a definition that libvirt wrote."""

    #: vda, sda, …
    target: str
    #: file, block, network, volume, …; empty for a drive with nothing in it.
    kind: str
    #: disk, lun, cdrom or floppy.
    device: str
    #: The path of a file or block device.
    path: str | None
    #: The pool and the name of a volume.
    volume: tuple[str, str] | None
    #: raw, qcow2, …: what QEMU takes it for.
    format: str
    read_only: bool
    shareable: bool
    #: Whether it has a backing file; known in the definition of a guest that runs.
    has_backing: bool | None
    #: The whole `<source>`, to compare.
    source: str

    def __str__(self) -> str:
        place = self.path or ("/".join(self.volume) if self.volume else self.kind)
        return f"{self.target} ({place})"

    @property
    def folder(self) -> str:
        """Where its image is."""
        return posixpath.dirname(self.path or "")

    @property
    def why_not_copied(self) -> str | None:
        """Why nobody can copy it to another host, if that is so."""
        if self.device in ("cdrom", "floppy"):
            return "is a CD-ROM drive" if self.device == "cdrom" else "is a floppy drive"
        if not self.kind:
            return "has nothing in it"
        if self.read_only:
            return "is read-only"
        return "is shareable: other guests may be writing to it" if self.shareable else None


def read_disks(xml: str) -> dict[str, Disk]:
    """The disks of a definition, by target."""
    # The document comes from libvirt, or was checked by this package.
    root = ElementTree.fromstring(xml)  # noqa: S314
    found = (_disk(element) for element in root.iterfind("devices/disk"))
    return {disk.target: disk for disk in found}


def _disk(disk: ElementTree.Element) -> Disk:
    source, target, backing = (disk.find(name) for name in ("source", "target", "backingStore"))
    driver = disk.find("driver")
    where = {} if source is None else source.attrib
    pool, volume = where.get("pool"), where.get("volume")
    return Disk(
        target="" if target is None else target.get("dev", ""),
        kind=disk.get("type", "file") if where else "",
        device=disk.get("device", "disk"),
        path=where.get("file") or where.get("dev"),
        volume=(pool, volume) if pool and volume else None,
        # libvirt takes an image for raw where nothing is said: another format could be a guest's forgery.
        format="raw" if driver is None else driver.get("type", "raw"),
        read_only=disk.find("readonly") is not None,
        shareable=disk.find("shareable") is not None,
        has_backing=None if backing is None else backing.find("source") is not None,
        source="" if source is None else ElementTree.tostring(source, encoding="unicode").strip(),
    )
