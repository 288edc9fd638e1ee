"""Two libvirt hosts on one machine, with real guests."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Any, Literal

from . import linux_guest, state
from .beats import Beats
from .errors import LabError
from .guest import LabGuest, Workload, define, serial
from .host import Host
from .state import LabState


class Lab:
    """A lab. As a context manager it exists as long as the block, and ends with the process at the latest.

    >>> with Lab("mine") as lab:
    ...     guest = lab.start_guest("vm1", memory=128)
    ...     guest.beats.wait_for_passes()

    `releases` has a Debian release for each host, or the empty string for this machine's own; it stands in
    place of `hosts`. `python -m libvirt_migrate.lab release` gets what a release needs.
    """

    def __init__(
        self, name: str = "lab", *, hosts: int = 2, tls: bool = False, releases: Sequence[str] = ()
    ) -> None:
        hosts = len(releases) or hosts
        if not 1 <= hosts <= 200:
            raise LabError(f"{hosts} hosts: 1 to 200 can be had")
        state.folder(name)
        self.name = name
        self._releases = tuple(releases) or ("",) * hosts
        #: It has certificates, for migrations with MigrateFlags.TLS and connections by qemu+tls.
        self.tls = tls
        self._keeper: subprocess.Popen[str] | None = None
        self._state: LabState | None = None
        #: The hosts, named host1, host2 and so on.
        self.hosts: list[Host] = []
        self._guests: list[LabGuest] = []

    @classmethod
    def attach(cls, name: str = "lab") -> Lab:
        """The lab of this name that `python -m libvirt_migrate.lab up` or another process has made."""
        found = state.read(name)
        if found is None or not found.is_alive():
            raise LabError(f"no lab named {name!r} is up")
        lab = cls(name, tls=found.tls, releases=[host.release for host in found.hosts])
        lab._use(found)
        return lab

    def up(self, *, detached: bool = False) -> None:
        """Makes the lab; a detached one outlives this process. Takes 1 s where no other work is done."""
        command = [sys.executable, "-m", "libvirt_migrate.lab.keeper", self.name]
        command.append(",".join(release or "here" for release in self._releases))
        # Of a detached keeper this process is not the parent, so that it need not wait for it.
        command = ["setsid", "--fork", *command, "detached"] if detached else [*command, "tied"]
        command += ["tls"] if self.tls else []
        self._keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Whoever waits for the end of this process's output must not wait for the keeper's.
            stderr=subprocess.DEVNULL if detached else None,
            text=True,
            # Ctrl-C is for the process that uses the lab.
            start_new_session=True,
        )
        try:
            self._use(self._answer(self._keeper.stdout))
        except BaseException:
            self._end_keeper(self._keeper)
            raise
        if detached:
            self._end_keeper(self._keeper)

    def detach(self) -> None:
        """Lets a lab that was made by this object outlive this process."""
        keeper, self._keeper = self._keeper, None
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            raise LabError("the lab is not this object's to detach")
        keeper.stdin.write("stay\n")
        keeper.stdin.close()
        keeper.stdout.close()
        # It is not waited for: that would take until the lab's end.
        keeper.returncode = 0

    def _end_keeper(self, keeper: subprocess.Popen[str]) -> None:
        """Ends a keeper that is tied to this process, and lets go of one that is not."""
        keeper.terminate()
        keeper.wait()
        for stream in (keeper.stdin, keeper.stdout):
            if stream:
                stream.close()
        self._keeper = None

    @staticmethod
    def _answer(output: IO[str] | None) -> LabState:
        line = output.readline() if output else ""
        if not line:
            raise LabError("the process that makes the lab ended without a word")
        fields = json.loads(line)
        if "error" in fields:
            raise LabError(fields["error"])
        hosts = tuple(state.HostState(**host) for host in fields.pop("hosts"))
        return LabState(hosts=hosts, **fields)

    def _use(self, found: LabState) -> None:
        self._state = found
        folder = state.folder(self.name)
        self.hosts = [Host(host, folder / host.name) for host in found.hosts]

    def start_guest(
        self,
        name: str,
        host: Host | None = None,
        *,
        memory: int | None = None,
        workload: Workload | None = None,
        devices: str = "",
        machine: str = "pc",
        system: Literal["bare", "linux"] = "bare",
        edit: Callable[[str], str] = lambda xml: xml,
        transient: bool = False,
        wait: bool = True,
    ) -> LabGuest:
        """Defines and starts a guest, at the first host unless another is given.

        `memory` is in MiB (128, with Linux 192), and the working set has to fit into it beside 20 MiB (110).
        `devices` is XML to put among its devices, `edit` changes the definition before libvirt gets it. A
        `transient` guest is started without being defined. `system` is what is in it: a kernel that only
        counts, or Linux, which takes some seconds more. With `wait`, returns once the guest counts.
        """
        if self._state is None:
            raise LabError("the lab is not up")
        linux = system == "linux"
        work = workload or (Workload(rest=10) if linux else Workload())
        memory = memory or (192 if linux else 128)
        if work.working_set > memory - (110 if linux else 20):
            raise LabError(
                f"a working set of {work.working_set} MiB does not fit into {memory} MiB of memory"
            )
        host = host or self.hosts[0]
        beats = Beats(self._state.address)
        try:
            collector, address = (self._state.address, beats.port), ""
            if linux:
                linux_guest.install(self.hosts)
                address = linux_guest.choose_address(self.hosts)
                identity, xml = linux_guest.define(
                    host, address, name, memory, work, serial(*collector), devices=devices, machine=machine
                )
            else:
                identity, xml = define(host, *collector, name, memory, work, devices=devices, machine=machine)
            xml = edit(xml)
            if transient:
                host.connection().createXML(xml)
            else:
                _define(host, xml).create()
            if wait:
                beats.wait_for_passes(timeout=300 if linux else 30)
        except BaseException:
            beats.close()
            raise
        guest = LabGuest(name, identity, beats, xml, address)
        self._guests.append(guest)
        return guest

    def remove_guest(self, guest: LabGuest) -> None:
        """Ends a guest wherever it is, and forgets it."""
        for host in self.hosts:
            _remove(host.connection(), guest.uuid)
        guest.beats.close()
        self._guests.remove(guest)

    def down(self) -> None:
        """Ends the lab and all that is in it."""
        for guest in self._guests:
            guest.beats.close()
        self._guests.clear()
        for host in self.hosts:
            host.close()
        self.hosts = []
        if self._keeper is not None:
            self._end_keeper(self._keeper)
        elif self._state is not None:
            down(self.name)
        self._state = None

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def _define(host: Host, xml: str) -> Any:
    """Defines a guest; its error, if there is one, is the daemon's own, with the end of the daemon's log.

    libvirt-python asks for an error after the call: where a domain object is freed in between, which the
    collector does at any moment, "the cause is unknown". Once seen of a daemon that had just started, and not
    again, so it is tried twice.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        for attempt in range(2):
            try:
                return host.connection().defineXML(xml)
            except Exception as error:
                if attempt:
                    log = " | ".join(host.log().splitlines()[-3:])
                    raise LabError(
                        f"{host.name} does not define the guest: {error}; its log: {log}"
                    ) from error
                time.sleep(1)
    finally:
        if collects:
            gc.enable()


def down(name: str) -> bool:
    """Ends the lab of this name, whoever made it, and tells whether there was one."""
    with state.lock():
        found = state.read(name)
        if found is None or not found.is_alive():
            left = name in state.names()
            state.sweep()
            return left
    os.kill(found.keeper, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while found.is_alive():
        if time.monotonic() > deadline:
            raise LabError(f"the keeper of {name!r}, process {found.keeper}, does not end")
        time.sleep(0.02)
    return True


def _remove(connection: Any, uuid: str) -> None:
    import libvirt

    # Not by look-up, whose failure libvirt-python would write to standard error.
    domain = next((domain for domain in connection.listAllDomains() if domain.UUIDString() == uuid), None)
    if domain is None:
        return
    # Either may end the domain, and it may end by itself in between.
    with contextlib.suppress(libvirt.libvirtError):
        if domain.isPersistent():
            domain.undefine()
        if domain.isActive():
            domain.destroy()
