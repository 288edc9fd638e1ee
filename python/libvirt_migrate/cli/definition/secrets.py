"""The secrets that a definition names: libvirt keeps them at the host, and they do not go along."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .summary import Definition

Use = Literal["volume", "ceph", "iscsi", "tls", "vtpm"]


@dataclass(frozen=True)
class Secret:
    """A secret, by its uuid or by what it is used for."""

    uuid: str | None
    use: Use
    usage: str

    def __str__(self) -> str:
        return self.uuid or f"for {self.use} {self.usage}"


def secrets_of(definition: Definition) -> tuple[Secret, ...]:
    """Each of them once."""
    devices = definition.root.iterfind("devices/*")
    found = [secret for device in devices for secret in _secrets(device)]
    return tuple(dict.fromkeys(found))


def _secrets(device: ElementTree.Element) -> Iterator[Secret]:
    for holder in device.iter():
        if holder.tag not in ("auth", "encryption"):
            continue
        if uuid := holder.get("secret"):
            yield Secret(uuid, "vtpm", "")
        for secret in holder.iterfind("secret"):
            kind = secret.get("type", "")
            use: Use = "ceph" if kind == "ceph" else "iscsi" if kind == "iscsi" else "volume"
            if secret.get("uuid") or secret.get("usage"):
                yield Secret(secret.get("uuid"), use, secret.get("usage", ""))
