"""Which of a guest's disks are copied, and their definition at the destination."""

from __future__ import annotations

from dataclasses import replace

from .. import MigrateFlags, whole_disks_xml
from .definition.disks import Disk, read_disks
from .request import ALL, Request


def named(request: Request, xml: str) -> Request:
    """The request with the names of this guest's disks in place of `all`."""
    asked = request.how.get("migrate_disks")
    if asked is None or ALL not in asked:
        return request
    disks = [disk.target for disk in read_disks(xml).values() if is_copied(disk)]
    # An empty list copies none, where no list would be all.
    return replace(request, how={**request.how, "migrate_disks": disks})


def is_copied(disk: Disk) -> bool:
    """Whether `all` means it too. A network disk is the same one for both hosts: its copy would be itself."""
    return disk.why_not_copied is None and disk.kind != "network"


def whole(request: Request, xml: str) -> str:
    """A definition for the destination: of a disk that is copied whole there is one image."""
    if MigrateFlags.NON_SHARED_DISK not in request.flags:
        return xml
    return whole_disks_xml(xml, request.how.get("migrate_disks") or ())
