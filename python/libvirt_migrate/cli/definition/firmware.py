"""The firmware that a definition names."""

from __future__ import annotations

from dataclasses import dataclass

from .summary import Definition


@dataclass(frozen=True)
class Firmware:
    """What a guest boots with where that is not QEMU's own."""

    #: efi or bios where libvirt chooses by it.
    chosen: str | None
    #: The code.
    loader: str | None
    #: The variables, where they are a file, and what they are made of where that is named.
    nvram: str | None
    template: str | None
    #: The variables are on storage of another kind than a file.
    is_elsewhere: bool = False


def firmware_of(definition: Definition) -> Firmware:
    """The firmware."""
    os = definition.root.find("os")
    if os is None:
        return Firmware(None, None, None, None)
    loader, nvram = (os.findtext("loader") or "").strip(), os.find("nvram")
    path = template = None
    is_elsewhere = False
    if nvram is not None:
        template = nvram.get("template")
        source = nvram.find("source")
        path = (nvram.text or "").strip() or (None if source is None else source.get("file"))
        is_elsewhere = path is None and source is not None
    return Firmware(os.get("firmware"), loader or None, path, template, is_elsewhere)
