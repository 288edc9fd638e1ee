"""Having faults happen while a round runs, and undoing them."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import libvirt

from helpers.images import FOLDER
from libvirt_migrate.lab import Host, LabError, faults

from .commanded import Commanded
from .history import Fault

CONFIGURATION = "/etc/libvirt/qemu"
#: Above what a daemon has, MiB: too little for the guests' QEMUs beside what they have without memory.
SHORT = 256


class Missed(Exception):
    """There was nothing that it could happen to."""


class Troubles:
    """The faults of one round, each on a thread of its own."""

    def __init__(self, source: Host, destination: Host, guests: list[str]) -> None:
        self._sides = {"source": source, "destination": destination}
        self._guests = guests
        #: The processes that have asked for migrations.
        self.commands: list[Commanded] = []
        #: What has happened, and what could not.
        self.happened: list[str] = []
        self.missed: list[str] = []
        self._threads: list[threading.Thread] = []

    def begin(self, planned: tuple[Fault, ...]) -> None:
        """Has them happen in their time."""
        for fault in planned:
            thread = threading.Thread(target=self._run, args=(fault,), name="soak-fault")
            thread.start()
            self._threads.append(thread)

    def over(self) -> None:
        """Waits until all are undone."""
        for thread in self._threads:
            thread.join()

    def _run(self, fault: Fault) -> None:
        time.sleep(fault.at)
        # Two faults may be undone by one.
        expected = (LabError, subprocess.SubprocessError, OSError, libvirt.libvirtError)
        with contextlib.suppress(*expected), contextlib.ExitStack() as undone:
            try:
                if fault.side == "caller":
                    self._to_callers(fault)
                else:
                    self._to_host(fault, undone)
            except (Missed, *expected) as error:
                self.missed.append(f"{fault.what} at the {fault.side}: could not be: {str(error)[:80]}")
                return
            self.happened.append(f"{fault.what} at the {fault.side} at {fault.at} s for {fault.lasts} s")
            time.sleep(fault.lasts)

    def _to_callers(self, fault: Fault) -> None:
        running = [command for command in self.commands if command.runs]
        if not running:
            raise Missed("no command ran")
        for command in running:
            if fault.what == "caller killed":
                command.kill()
            else:
                # An hour ahead, or back.
                command.step_clock(3600 if fault.lasts > 1 else -3600)

    def _to_host(self, fault: Fault, undone: contextlib.ExitStack) -> None:
        host = self._sides[fault.side]
        other = next(each for each in self._sides.values() if each is not host).address
        machine = host.address.rpartition(".")[0] + ".254"

        def later(undo: Callable[..., object], *arguments: object) -> None:
            undone.callback(undo, *arguments)

        match fault.what:
            case "daemon killed":
                faults.kill_daemon(host)
                later(host.start_daemon)
            case "daemon stopped":
                number = faults.daemon_number(host)
                host.run("kill", "-STOP", number)
                later(host.run, "kill", "-CONT", number)
            case "QEMU killed":
                there = [guest for guest in self._guests if faults.qemu(host, guest)]
                if not there:
                    raise Missed("none was there")
                for guest in there:
                    faults.kill_qemu(host, guest)
            case "daemons' connection reset":
                faults.reset(host, faults.CONTROL, peer=other)
            case "daemons' connection dropped":
                faults.drop(host, faults.CONTROL, peer=other)
                later(faults.heal, host)
            case "callers' connection reset":
                faults.reset(host, faults.CONTROL, peer=machine)
            case "data connection reset":
                faults.reset(host, faults.DATA)
            case "data connection dropped":
                faults.drop(host, faults.DATA)
                later(faults.heal, host)
            case "link slow":
                faults.slow(host, 20_000)
                later(faults.unslow, host)
            case _:
                undone.enter_context(_lack(host, fault.what))


@contextlib.contextmanager
def _full_configuration(host: Host) -> Iterator[None]:
    """What is removed meanwhile is still there below: a daemon that starts later would know it again."""
    with faults.full_disk(host, CONFIGURATION):
        yield
    written = host.run("find", CONFIGURATION, "-maxdepth", "1", "-name", "*.xml", "-printf", "%f\\n").split()
    # After the files: what comes meanwhile is known before it is written.
    known = {f"{domain.name()}.xml" for domain in host.connection().listAllDomains()}
    for name in written:
        if name not in known:
            host.run("rm", "-f", f"{CONFIGURATION}/{name}")


def _lack(host: Host, what: str) -> contextlib.AbstractContextManager[None]:
    lacks: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
        "configuration full": lambda: _full_configuration(host),
        "disk full": lambda: faults.full_disk(host, FOLDER),
        "memory short": lambda: faults.short_memory(host, SHORT),
        "ports taken": lambda: faults.taken_ports(host, faults.DATA),
    }
    return lacks[what]()
