"""What a new cloud has: its services in keystone, flavors, and images of the lab's own guest."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from libvirt_migrate.lab import kernel

from . import settings
from .control import Control

#: Name and memory in MiB. Without a disk of their own: the image's is all there is.
FLAVORS = {"small": 128, "big": 384}
#: What each image's guest does: one rests, and one changes its memory faster than most networks carry it.
IMAGES = {"calm": "ws=4 rest=500 idle=1", "busy": "ws=200"}
_SERVICES = {
    "nova": ("compute", "nova", "/v2.1"),
    "glance": ("image", "glance", ""),
    "placement": ("placement", "placement", ""),
    "neutron": ("network", "neutron", ""),
}
_DISK = 1 << 20


def contents() -> str:
    """Another word for each other furniture: a template with other furniture is none."""
    source = "".join(path.read_text() for path in (Path(__file__), kernel.SOURCE / "guest.c"))
    return hashlib.sha256(source.encode()).hexdigest()


def register(control: Control, connection: Any) -> None:
    """Accounts and addresses of the services."""
    identity = connection.identity
    project = identity.create_project(name="service", domain_id="default")
    # keystone has made both roles by itself.
    roles = [identity.find_role(name) for name in ("admin", "service")]
    for name, (kind, port, path) in _SERVICES.items():
        user = identity.create_user(name=name, password=settings.PASSWORD, domain_id="default")
        for role in roles:
            identity.assign_project_role_to_user(project, user, role)
        service = identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            identity.create_endpoint(
                service_id=service.id,
                interface=interface,
                url=control.url(port, path),
                region_id="RegionOne",
            )


def furnish(connection: Any) -> None:
    """Flavors and images."""
    for name, memory in FLAVORS.items():
        connection.compute.create_flavor(name=name, ram=memory, vcpus=1, disk=0)
    with tempfile.TemporaryDirectory() as place:
        disk, guest = Path(place) / "disk", Path(place) / "guest.elf"
        disk.write_bytes(bytes(_DISK))
        kernel.build(guest)
        kind: dict[str, Any] = {"disk_format": "aki", "container_format": "aki", "wait": True}
        booted = connection.create_image("guest", filename=str(guest), **kind)
        for name, line in IMAGES.items():
            # Its only disk is empty; the kernel is started as such, with these words.
            connection.create_image(
                name,
                filename=str(disk),
                disk_format="raw",
                container_format="bare",
                wait=True,
                kernel_id=booted.id,
                os_command_line=line,
            )
