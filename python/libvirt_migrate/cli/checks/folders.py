"""The check of folders and memory files of the source that a guest uses, from the definition alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from .check import Check


def check_folders(xml: str) -> Iterator[Check]:
    """The destination needs each of them, with the same in it: a migration copies none."""
    root = ElementTree.fromstring(xml)  # noqa: S314
    for what in dict.fromkeys(_used(root)):
        yield Check("files", "not known", f"{what}: does the destination have the same?")


def _used(root: ElementTree.Element) -> Iterator[str]:
    for source in root.iterfind("devices/filesystem/source"):
        path = source.get("dir") or source.get("file") or source.get("dev") or source.get("socket")
        if path:
            yield f"the filesystem {path}"
    for file in root.iterfind("devices/memory/source/path"):
        # What is in an NVDIMM is moved as memory is; the file itself has to be there.
        yield f"the memory's file {file.text}"
