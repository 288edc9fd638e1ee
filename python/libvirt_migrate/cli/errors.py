"""What went wrong, in one line that says how to go on."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .._mask import mask
from .ends import Exit

_IS_IT_UP = "is its daemon running, and does the URI name the right host?"
_PERMISSION = "you lack the permission; try another user or a read-write URI"

#: What libvirt passes on from others, by a part of it.
_SAID = {
    "Host key verification": "log in there with ssh once, so that its key is known",
    "Permission denied (": "ssh needs a key there that asks for no passphrase",
    "ermission denied": _PERMISSION,
    "CA certificate": "libvirt-migrate help getting-started lists the files that TLS needs",
}


class UserError(Exception):
    """Something that the user can put right. Nothing was started."""

    def __init__(self, message: str, *, code: int = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def one_line(text: str) -> str:
    """A message without line breaks and without passwords in URIs."""
    return mask(" ".join(str(text).split()))


def not_here(error: ImportError) -> str:
    """What is said where a part of this program cannot be loaded: most of all where there is no libvirt."""
    reason = one_line(str(error))
    if "libvirt.so" in reason:
        # The package says what to install, where it was the first to notice.
        reason = reason.partition("; install ")[0]
        needed = "install libvirt0 (Debian) or libvirt-libs (Fedora), 8.0 or newer"
        return f"libvirt cannot be loaded: {reason}; {needed}"
    return f"a part of libvirt-migrate is missing: {reason}; install it anew"


#: What a URI may need to work once more, and what is no secret.
_KEPT = (
    "command",
    "keyfile",
    "known_hosts",
    "mode",
    "netcat",
    "no_tty",
    "no_verify",
    "pkipath",
    "proxy",
    "socket",
)


def repeatable(uri: str) -> str:
    """The URI for a command that is suggested: with its user and what is no secret of its query."""
    parts = urlsplit(uri)
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(part for part in parts.query.split("&") if part.partition("=")[0] in _KEPT)
    who = user.partition(":")[0] + at
    return f"{parts.scheme}://{who}{host}{parts.path}{'?' if query else ''}{query}"


#: Parameters of the library whose options have other names.
_OPTIONS = {
    "migrate_disks": "copy-storage",
    "destination_name": "dname",
    "parallel.connections": "parallel",
    "bandwidth.postcopy": "bandwidth-post-copy",
    "tls.destination": "tls-destination",
}
#: Flags that have an option here.
_FLAGS = {
    "COMPRESSED": "--compression",
    "NON_SHARED_DISK": "--copy-storage",
    "NON_SHARED_INC": "--copy-storage-incremental",
    "PARALLEL": "--parallel",
    "POSTCOPY": "--post-copy",
    "TLS": "--tls",
    "TUNNELLED": "--tunnelled",
    "OFFLINE": "--offline",
    "PAUSED": "--suspend",
    "ZEROCOPY": "--zero-copy",
}


def _option_of(flag: re.Match[str]) -> str:
    return _FLAGS.get(flag[1], flag[0])


def explain(error: BaseException) -> str:
    """One line: what happened, and what to do."""
    message = one_line(str(error) or type(error).__name__)
    name = getattr(error, "name", None)
    if hasattr(error, "reason") and isinstance(name, str):
        reason = re.sub(r"(?:the flag )?\b([A-Z_]+)\b", _option_of, one_line(error.reason))
        option = f"--{_OPTIONS.get(name, name).replace('_', '-')}: "
        message = reason if name == "flags" else option + reason
    for word, advice in _SAID.items():
        # A message that was explained already is not explained once more.
        if word in message and advice not in message:
            return f"{message}; {advice}"
    if message.startswith("connecting to "):
        # It says by itself what to look at; its number has another meaning elsewhere.
        return message
    code = getattr(error, "code", None)
    if isinstance(error, UserError) or not isinstance(code, int):
        return message
    what_to_do = _advice().get(code)
    return message if what_to_do is None else f"{message}; {what_to_do}"


def _advice() -> dict[int, str]:
    """libvirt's numbers of errors to what a person can do. Only for an error: this loads libvirt."""
    from ..codes import ErrorCode

    return {
        ErrorCode.INVALID_ARG: "libvirt-migrate plan shows the checks",
        ErrorCode.SYSTEM_ERROR: _IS_IT_UP,
        ErrorCode.RPC: _IS_IT_UP,
        ErrorCode.NO_DOMAIN: "libvirt-migrate status lists the guests",
        ErrorCode.AUTH_FAILED: "check the user and the key or password",
        ErrorCode.OPERATION_INVALID: "libvirt-migrate status shows what the guest does",
        ErrorCode.OPERATION_TIMEOUT: "another job holds the guest; libvirt-migrate status shows it",
        ErrorCode.ACCESS_DENIED: _PERMISSION,
    }
