"""Having faults happen while a round runs, and undoing them."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable

from libvirt_migrate.lab import Host, LabError, faults

from .history import Fault


class Troubles:
    """The faults of one round, each on a thread of its own."""

    def __init__(self, source: Host, destination: Host, guests: list[str]) -> None:
        self._sides = {"source": source, "destination": destination}
        self._guests = guests
        #: What has happened, and what could not.
        self.happened: list[str] = []
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
        try:
            undo = self._do(fault)
        except (LabError, subprocess.SubprocessError, OSError) as error:
            self.happened.append(f"{fault.what} at the {fault.side}: could not be: {str(error)[:80]}")
            return
        self.happened.append(f"{fault.what} at the {fault.side} at {fault.at} s for {fault.lasts} s")
        if undo is not None:
            time.sleep(fault.lasts)
            # Two faults may be undone by one.
            with contextlib.suppress(LabError, subprocess.SubprocessError, OSError):
                undo()

    def _do(self, fault: Fault) -> Callable[[], object] | None:
        host = self._sides[fault.side]
        peer = next(each for each in self._sides.values() if each is not host).address
        machine = host.address.rpartition(".")[0] + ".254"
        match fault.what:
            case "daemon killed":
                faults.kill_daemon(host)
                return host.start_daemon
            case "daemon stopped":
                number = faults.daemon_number(host)
                host.run("kill", "-STOP", number)
                return lambda: host.run("kill", "-CONT", number)
            case "QEMU killed":
                for guest in self._guests:
                    if faults.qemu(host, guest):
                        faults.kill_qemu(host, guest)
            case "daemons' connection reset":
                faults.reset(host, faults.CONTROL, peer=peer)
            case "daemons' connection dropped":
                faults.drop(host, faults.CONTROL, peer=peer)
                return lambda: faults.heal(host)
            case "callers' connection reset":
                faults.reset(host, faults.CONTROL, peer=machine)
            case "data connection reset":
                faults.reset(host, faults.DATA)
            case "data connection dropped":
                faults.drop(host, faults.DATA)
                return lambda: faults.heal(host)
            case "link slow":
                faults.slow(host, 20_000)
                return lambda: faults.unslow(host)
        return None
