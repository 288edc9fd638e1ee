"""The check of files that have to be at the destination beside the guest's disks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ... import Host
from ..definition.files import File, files_of
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check

_NAME = "files"
#: Where opening something may do something. A path may begin with two slashes.
_DEVICES = ("/dev/", "/proc/", "/sys/", "//")


def check_files(host: Host, definition: Definition) -> Iterator[Check]:
    """What a definition names by its path is there, or the folder in which it is made."""
    there, unknown = [], []
    for file in files_of(definition):
        path = posixpath.dirname(file.path) if file.is_made else file.path
        found = None if file.is_device else ask_file(host, path)
        if found is None or isinstance(found, Unknown):
            reason = "" if found is None else f" ({found.reason})"
            unknown.append(f"{file.path} for {file.what}{reason}")
        elif found:
            there.append(path)
        else:
            yield _missing(file, path)
    if unknown:
        yield Check(_NAME, "not known", f"does the destination have {', '.join(unknown)}?")
    if there:
        names = ", ".join(dict.fromkeys(there))
        yield Check(_NAME, "pass", f"the destination has {names}")


def ask_file(host: Host, path: str) -> bool | Unknown:
    """Whether a host has a file or folder; only for what is no device."""
    if not path.startswith("/"):
        return Unknown("the path is not absolute")
    if posixpath.normpath(path).startswith(_DEVICES):
        return Unknown("it may be a device, which nobody opens to see whether it is there")
    return ask(lambda: host.has_file(path))


def _missing(file: File, path: str) -> Check:
    kind = "folder " if file.is_made else ""
    return Check(_NAME, "fail", f"{file.what} needs {kind}{path}, which the destination does not have")
