"""How many migrations at a time a host's daemon has workers for: each keeps one busy until its end."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

#: max_workers of libvirtd.conf and virtqemud.conf, where nobody has set another.
DEFAULT = 20
#: What looks at the migrations, and ends them, takes workers as well.
BESIDE = 2
#: Who may answer for a machine's guests, with their servers' names, and their administrators' sockets.
_DAEMONS = {
    "virtqemud": "/run/libvirt/virtqemud-admin-sock",
    "libvirtd": "/run/libvirt/libvirt-admin-sock",
}
#: The URIs of such a daemon: a user's own, and one behind another socket, have other workers.
_LOCAL = ("qemu:///system", "qemu+unix:///system")
#: libvirt's library for administrators, which comes with libvirt's own.
_LIBRARY = "libvirt-admin.so.0"
#: VIR_TYPED_PARAM_UINT, and VIR_THREADPOOL_WORKERS_MAX.
_UINT, _MOST = 2, b"maxWorkers"


class _Value(ctypes.Union):
    _fields_ = [("number", ctypes.c_uint), ("room", ctypes.c_ulonglong)]


class _Parameter(ctypes.Structure):
    """`virTypedParameter`."""

    _fields_ = [("field", ctypes.c_char * 80), ("type", ctypes.c_int), ("value", _Value)]


def workers_of(uri: str) -> int | None:
    """The most workers that a daemon has, by its own word; `None` where it does not tell.

    libvirt tells that to an administrator of the same machine alone.
    """
    if uri not in _LOCAL:
        return None
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    # libvirt writes to standard error of one that it cannot reach.
    there = [daemon for daemon, socket in _DAEMONS.items() if os.access(socket, os.R_OK | os.W_OK)]
    return next((found for daemon in there if (found := _ask(library, daemon)) is not None), None)


def _ask(library: ctypes.CDLL, daemon: str) -> int | None:
    parameters, many = ctypes.POINTER(_Parameter)(), ctypes.c_int()
    with _server(library, daemon) as server:
        if server is None:
            return None
        get = library.virAdmServerGetThreadPoolParameters
        get.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
        if get(server, ctypes.byref(parameters), ctypes.byref(many), 0) < 0:
            return None
    try:
        told = (parameters[index] for index in range(many.value))
        most = (one.value.number for one in told if one.field == _MOST and one.type == _UINT)
        return next(most, None)
    finally:
        free = library.virTypedParamsFree
        free.argtypes, free.restype = [ctypes.c_void_p, ctypes.c_int], None
        free(parameters, many.value)


@contextlib.contextmanager
def _server(library: ctypes.CDLL, daemon: str) -> Iterator[int | None]:
    """The daemon's server, where its administrators' socket can be reached."""
    connect, look_up = library.virAdmConnectOpen, library.virAdmConnectLookupServer
    connect.argtypes, connect.restype = [ctypes.c_char_p, ctypes.c_uint], ctypes.c_void_p
    look_up.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint]
    look_up.restype = ctypes.c_void_p
    connection = connect(f"{daemon}:///system".encode(), 0)
    if connection is None:
        yield None
        return
    server = look_up(connection, daemon.encode(), 0)
    try:
        yield server
    finally:
        for release, what in ((library.virAdmServerFree, server), (library.virAdmConnectClose, connection)):
            release.argtypes = [ctypes.c_void_p]
            if what is not None:
                release(what)


def advise(jobs: int, guests: int, workers: int | None) -> str | None:
    """What is said of this many migrations at a time, if there is anything to say."""
    at_once = min(jobs, guests)
    most = (DEFAULT if workers is None else workers) - BESIDE
    if at_once <= most:
        return None
    has = f"has {workers} workers" if workers else f"has {DEFAULT} workers unless max_workers says otherwise"
    return (
        f"the source's daemon {has}, and {at_once} migrations at a time keep as many busy: it may answer "
        f"nobody until one is over. Use --jobs {max(1, most)}, or raise max_workers in libvirtd.conf or "
        "virtqemud.conf"
    )
