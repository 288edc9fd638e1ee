"""What went wrong, in one line that says how to go on."""

from __future__ import annotations

from .._mask import mask
from .ends import Exit

#: `VIR_ERR_*` to what a person can do.
_ADVICE = {
    8: "libvirt-migrate plan shows the checks",
    38: "is its daemon running, and does the URI name the right host?",
    39: "is its daemon running, and does the URI name the right host?",
    42: "libvirt-migrate status lists the guests",
    45: "check the user and the key or password",
    55: "libvirt-migrate status shows what the guest does",
    68: "another job holds the guest; libvirt-migrate status shows it",
    88: "you lack the permission; try another user or a read-write URI",
}


class UserError(Exception):
    """Something that the user can put right. Nothing was started."""

    def __init__(self, message: str, *, code: int = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def one_line(text: str) -> str:
    """A message without line breaks and without passwords in URIs."""
    return mask(" ".join(str(text).split()))


#: Parameters of the library whose options have other names.
_OPTIONS = {
    "migrate_disks": "copy-storage",
    "parallel.connections": "parallel",
    "bandwidth.postcopy": "bandwidth-post-copy",
    "tls.destination": "tls-destination",
}


def explain(error: BaseException) -> str:
    """One line: what happened, and what to do."""
    message = one_line(str(error) or type(error).__name__)
    name = getattr(error, "name", None)
    if hasattr(error, "reason") and isinstance(name, str):
        message = f"--{_OPTIONS.get(name, name).replace('_', '-')}: {one_line(error.reason)}"
    if "ermission denied" in message:
        return f"{message}; {_ADVICE[88]}"
    code = getattr(error, "code", None)
    if isinstance(error, UserError) or not isinstance(code, int) or code not in _ADVICE:
        return message
    return f"{message}; {_ADVICE[code]}"
