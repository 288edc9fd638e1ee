"""A host of the lab."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import certificates, daemon
from .errors import LabError
from .namespaces import enter_host
from .state import HostState
from .tools import run


class Host:
    """One libvirt daemon with a network, folders and a name of its own."""

    def __init__(self, state: HostState, folder: Path) -> None:
        self.name = state.name
        #: Its address on the lab's network.
        self.address = state.address
        #: The process that holds its namespaces.
        self.pid = state.pid
        #: The Debian release that it is of; empty where it is of this machine's own.
        self.release = state.release
        #: Its own /etc/libvirt, /var/lib/libvirt and so on, as etc, lib, …
        self.folder = folder
        self._connection: Any = None
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        """The daemon's URI, the same from this machine and from the lab's other hosts."""
        return f"qemu+tcp://{self.address}/system"

    @property
    def tls_uri(self) -> str:
        """The same by TLS, with the lab's client certificate. The lab must have been made with `tls`."""
        return self.tls_uri_with("client-known")

    def tls_uri_with(self, client: str) -> str:
        """The same with another client's certificates: client-unknown has one that no host knows."""
        return f"qemu+tls://{self.address}/system?pkipath={self._tls / client}"

    def certify(
        self,
        names: Sequence[str] = (),
        addresses: Sequence[str] | None = None,
        *,
        expired: bool = False,
        known: bool = True,
    ) -> None:
        """Has QEMU on this host show another certificate to whoever migrates to here, from now on.

        It is for these names and IP addresses (the host's own address where they are not given); it may have
        expired yesterday, or be of an authority that only this host knows. Without arguments it is right.
        """
        addresses = [self.address] if addresses is None else addresses
        _ = self._tls
        certificates.certify(self.folder, names, addresses, expired=expired, known=known)

    @property
    def _tls(self) -> Path:
        tls = self.folder.parent / "tls"
        if not tls.is_dir():
            raise LabError("the lab has no certificates: make it with tls=True")
        return tls

    def connection(self) -> Any:
        """A libvirt-python connection to the daemon, opened when first asked for."""
        with self._lock:
            if self._connection is None or not self._connection.isAlive():
                self._connection = open_connection(self.uri)
            return self._connection

    def run(self, *command: str, timeout: float = 60) -> str:
        """Runs a program on the host and returns what it printed."""
        return run([*enter_host(self.pid), *command], timeout=timeout)

    def stop_daemon(self, *, kill: bool = False) -> None:
        """Ends the daemon, with `kill` without asking it. Guests go on."""
        self.close()
        daemon.stop(self.folder, self.pid, kill=kill)

    def start_daemon(self) -> None:
        """Starts the daemon again."""
        daemon.start(self.folder, self.pid, self.address)

    def log(self) -> str:
        """What the daemon has logged: warnings and errors."""
        return (self.folder / "log" / "libvirtd.log").read_text()

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __repr__(self) -> str:
        return f"Host({self.name!r}, {self.uri!r})"


def open_connection(uri: str) -> Any:
    """A libvirt-python connection."""
    try:
        import libvirt
    except ImportError:
        raise LabError("the lab needs libvirt-python (pip install 'libvirt-migrate[lab]')") from None
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise LabError(f"{uri} cannot be reached: {error}") from error
