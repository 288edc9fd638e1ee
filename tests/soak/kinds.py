"""The guests of a soak. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from libvirt_migrate.lab import Workload


@dataclass(frozen=True)
class Kind:
    """What a guest is."""

    name: str
    #: MiB.
    memory: int = 48
    working_set: int = 12
    #: It has a disk of its host's own, which is copied wherever it goes.
    disk: bool = False
    system: Literal["bare", "linux"] = "bare"

    @property
    def workload(self) -> Workload:
        """With rests, so that two cores are enough for all of them."""
        idle = self.system == "bare"
        return Workload(working_set=self.working_set, rest=20, idle=idle, disk=self.disk)

    @property
    def image(self) -> str:
        """The image of its disk."""
        return f"{self.name}.img"


KINDS = (
    Kind("soak0"),
    Kind("soak1"),
    Kind("soak2"),
    Kind("soak3"),
    Kind("disk0", disk=True),
    Kind("disk1", disk=True),
    Kind("linux", memory=192, system="linux"),
)
