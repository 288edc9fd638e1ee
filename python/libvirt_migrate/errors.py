"""The exceptions of this package. `MigrationError` is the root of all of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from ._mask import mask, without_excerpt

if TYPE_CHECKING:
    from ._core import Outcome

#: What libvirt-python keeps of an error: code, domain, message, level, three strings, two integers.
ErrorFields = tuple[int, int, str, int, str | None, str | None, str | None, int, int]

_E = TypeVar("_E", bound="LibvirtError")


class MigrationError(Exception):
    """The root of this package's exceptions."""


class InvalidParameter(MigrationError, ValueError):
    """A parameter, flag or argument was refused before anything was sent to a hypervisor."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        #: The parameter under libvirt's name, or the argument.
        self.name = name
        #: What is wrong with it.
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class InvalidDomainXml(MigrationError, ValueError):
    """A domain definition was refused before anything was sent to a hypervisor."""

    def __init__(self, context: str, message: str, line: int, column: int) -> None:
        super().__init__(context, message, line, column)
        #: Which document: `destination_xml`, `persistent_xml` and so on.
        self.context = context
        #: What is wrong.
        self.message = message
        #: The line, counted from 1.
        self.line = line
        #: The column in characters, counted from 1.
        self.column = column

    def __str__(self) -> str:
        return f"{self.context}: {self.message} (line {self.line}, column {self.column})"


class LibvirtError(MigrationError):
    """libvirt refused or failed.

    Where the guest came from libvirt-python, the exception is a `libvirt.libvirtError` too.
    """

    def __init__(self, fields: ErrorFields, guest_location: str | None = None) -> None:
        # Not super(): libvirt.libvirtError would read the last error of whatever thread this is.
        Exception.__init__(self, fields, guest_location)
        #: libvirt-python's own tuple, which the accessors of `libvirt.libvirtError` read.
        self.err = fields

    @property
    def code(self) -> int:
        """libvirt's error number (`VIR_ERR_*`)."""
        return self.err[0]

    @property
    def domain(self) -> int:
        """The part of libvirt that the error comes from (`VIR_FROM_*`)."""
        return self.err[1]

    @property
    def message(self) -> str:
        """libvirt's message."""
        return self.err[2]

    def __str__(self) -> str:
        return self.message


class _Ended(LibvirtError):
    """A migration that started and did not succeed."""

    def __init__(self, fields: ErrorFields, guest_location: str | None = None) -> None:
        super().__init__(fields, guest_location)
        #: Where the guest is: source-running, source-paused, destination-running, destination-paused,
        #: both-paused, both-running, post-copy-broken, source-shut-off, destination-shut-off, both-shut-off,
        #: absent or unknown.
        self.guest_location = guest_location or "unknown"
        #: What is known of the migration besides; `None` for one that was unpickled.
        self.outcome: Outcome | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args

    def __str__(self) -> str:
        return f"{self.message} (the guest is {self.guest_location})"


class MigrationFailed(_Ended):
    """The migration ended without moving the guest; `guest_location` says where it is."""


class MigrationCancelled(_Ended):
    """The migration was aborted on request; `guest_location` says where the guest is."""


_bridges: dict[tuple[type, type], Any] = {}


def _bridge(ours: type[_E], theirs: type[Exception]) -> type[_E]:
    """The class that is both ours and libvirt-python's, made once for each pair."""
    if (ours, theirs) not in _bridges:
        names = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__reduce__": _reduce, "_base": ours}
        _bridges[ours, theirs] = type(ours.__name__, (ours, theirs), names)
    bridge: type[_E] = _bridges[ours, theirs]
    return bridge


def _reduce(error: _E) -> tuple[object, tuple[object, ...]]:
    """How a bridged exception is pickled: its class has no name that could be imported."""
    return _rebuild, (error._base, error.args)  # type: ignore[attr-defined]


def _rebuild(ours: type[_E], arguments: tuple[ErrorFields, str | None]) -> _E:
    return bridged(ours)(*arguments)


def bridged(ours: type[_E]) -> type[_E]:
    """`ours` made a `libvirt.libvirtError` too, where libvirt-python is loaded."""
    libvirt = sys.modules.get("libvirt")
    return ours if libvirt is None else _bridge(ours, libvirt.libvirtError)


def from_libvirt_python(ours: type[_E], error: Exception, guest_location: str | None) -> tuple[_E, bool]:
    """An exception of a domain object's own, as ours and as what it was; and whether a secret was left out.

    The object's library may be another than libvirt-python (a fake of a test, say), so the second base is the
    class that the exception has of it.
    """
    theirs = next((base for base in type(error).__mro__ if base.__name__ == "libvirtError"), type(error))
    fields = getattr(error, "err", None)
    if not isinstance(fields, tuple) or len(fields) != 9:
        code: int = error.get_error_code()  # type: ignore[attr-defined]
        fields = (code, 0, str(error), 2, None, None, None, -1, -1)
    elif not isinstance(fields[2], str):
        # libvirt-python allows an error without a message; what it prints then is the caller's own.
        fields = (*fields[:2], str(error), *fields[3:])
    shown = tuple(mask(without_excerpt(field)) if isinstance(field, str) else field for field in fields)
    return _bridge(ours, theirs)(shown, guest_location), shown != fields  # type: ignore[arg-type]
