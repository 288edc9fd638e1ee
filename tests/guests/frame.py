"""What a cell is set up on: two hosts of the lab, a Linux guest, and what must hold of it after each move."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import libvirt

from helpers.commands import LISTEN
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
_EVERYTHING = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
#: QEMU 7.2's emulator loses stores after each look at its log of dirty pages, to pages that are sent soon
#: after (see docs/lab.md). What may be paused for so long is sent in one pass, with one look while it runs.
ONE_PASS = ("--max-downtime", "10s")
#: A program that only computes, while it moves: an interrupt that finds the kernel idle does not have it
#: forget address translations, and one that finds a program does (docs/lab.md).
BUSY = "(while :; do :; done) </dev/null >/dev/null 2>&1 & echo $! > /tmp/busy; renice -n 19 -p $! >/dev/null"
IDLE = "kill $(cat /tmp/busy)"
#: What holds of a guest at a host: raises AssertionError or LabError where it does not.
Check = Callable[[Host], None]


class Stage:
    """The two hosts, and the guest of a cell."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.source: Host = lab.hosts[0]
        self.destination: Host = lab.hosts[1]
        self.hosts = (self.source, self.destination)
        self.name = name
        #: The options of `plan` and `migrate` beside GUEST, DEST_URI and --from.
        self.options: list[str] = [*LISTEN, *ONE_PASS]
        #: What must hold while it runs as it was started, at whichever host.
        self.checks: list[Check] = []
        #: What must hold after it was started anew from its persistent definition. The same, if not given.
        self.checks_restarted: list[Check] | None = None
        self.paused = False
        #: What is to be undone, last first.
        self.clean = ExitStack()
        self._guest: LabGuest | None = None

    @property
    def guest(self) -> LabGuest:
        """The guest, which has been started."""
        assert self._guest is not None
        return self._guest

    def start(
        self,
        devices: str = "",
        *,
        edit: Callable[[str], str] = lambda xml: xml,
        memory: int = 192,
        machine: str = "pc",
        transient: bool = False,
        working_set: int = 8,
    ) -> Any:
        """Starts the guest at the source, as `Lab.start_guest` does; returns libvirt-python's domain."""
        self._guest = self.lab.start_guest(
            self.name,
            self.source,
            memory=memory,
            workload=Workload(working_set, rest=20),
            devices=devices,
            machine=machine,
            system="linux",
            edit=edit,
            transient=transient,
        )
        self.clean.callback(self._remove)
        return self.domain(self.source)

    def domain(self, host: Host) -> Any:
        """The guest at a host."""
        return self.guest.domain(host)

    def run(self, host: Host, script: str, timeout: float = 200) -> str:
        """Has the guest run a script."""
        return self.guest.run(host, script, timeout=timeout).strip()

    def shared_folder(self) -> Path:
        """A folder that both hosts have at the same path, with the same files."""
        folder = Path(tempfile.mkdtemp(prefix="libvirt-migrate-shared-"))
        self.clean.callback(shutil.rmtree, folder, ignore_errors=True)
        self.options += ["--unsafe"]
        return folder

    def image(self, host: Host, name: str, size: str = "16M", *, kind: str = "qcow2") -> str:
        """A disk image at a host, in a folder that the hosts do not share; returns its path."""
        path = f"/var/lib/libvirt/images/{self.name}-{name}"
        host.run("qemu-img", "create", "-q", "-f", kind, path, size)
        self.clean.callback(host.run, "rm", "-f", path)
        return path

    def _remove(self) -> None:
        """Ends the guest at both hosts, with all that libvirt keeps of it."""
        for host in self.hosts:
            for domain in host.connection().listAllDomains():
                if domain.UUIDString() == self.guest.uuid:
                    with contextlib.suppress(libvirt.libvirtError):
                        domain.destroy()
                    with contextlib.suppress(libvirt.libvirtError):
                        domain.undefineFlags(_EVERYTHING)
        self.lab.remove_guest(self.guest)

    def words(self, command: str, source: Host, destination: Host, *more: str) -> list[str]:
        """The words of the command for this guest."""
        return [command, self.guest.uuid, destination.uri, "--from", source.uri, *self.options, *more]

    def close(self) -> None:
        """Puts everything right."""
        self.clean.close()
