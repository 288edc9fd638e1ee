"""A program of the cloud that runs in one of its hosts, and ends with the lab at the latest."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from libvirt_migrate.lab import Host, LabError, tools
from libvirt_migrate.lab.namespaces import enter_host

#: In a session of its own, so that all that it starts can be ended with it.
_START = 'echo $$ > "$1"; log=$2; shift 2; exec "$@" >> "$log" 2>&1'


@dataclass(frozen=True)
class Service:
    """One program: what it is called, where it runs, how it is started."""

    name: str
    host: Host
    #: Settings, logs and numbers of the cloud.
    folder: Path
    command: Sequence[str] = ()
    environment: Mapping[str, str] | None = None

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log" / f"{self.name}.out"

    @property
    def _number(self) -> Path:
        return self.folder / "pid" / self.name

    def start(self) -> None:
        """Starts it; does not wait until it can be called."""
        self._number.unlink(missing_ok=True)
        # The control host's /etc/hosts has all names, and a proxy of this machine none of them. What programs
        # keep at home is to go with their host.
        own = {"no_proxy": "*", "HOME": "/var/lib"}
        environment = tools.environment() | own | dict(self.environment or {})
        subprocess.run(
            [
                *enter_host(self.host.pid),
                *("setsid", "--fork", "sh", "-c", _START, "sh", str(self._number), str(self.log)),
                *self.command,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            check=True,
        )

    def pid(self) -> int | None:
        """Its number within the lab; nothing where it was not started."""
        try:
            return int(self._number.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def is_running(self) -> bool:
        """Whether it, or something that it has started, is there."""
        number = self.pid()
        return number is not None and self._signal("0", number)

    def stop(self, signal: str = "TERM", *, patience: float = 20) -> None:
        """Ends it and what it started, and waits for that; after `patience` seconds without asking."""
        number = self.pid()
        if number is None:
            return
        self._signal(signal, number)
        deadline = time.monotonic() + patience
        while self._signal("0", number):
            if time.monotonic() > deadline:
                self._signal("KILL", number)
            time.sleep(0.1)
        self._number.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends it at once."""
        self.stop("KILL")

    def send(self, signal: str) -> None:
        """Sends it a signal, and does not wait."""
        number = self.pid()
        if number is not None:
            self._signal(signal, number)

    def _signal(self, signal: str, number: int) -> bool:
        ask = 'kill -s "$1" -- "-$2" 2>/dev/null && echo yes || echo no'
        return self.host.run("sh", "-c", ask, "sh", signal, str(number)).strip() == "yes"

    def require(self) -> None:
        """Raises LabError with its last lines where it has ended."""
        if not self.is_running():
            lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
            raise LabError(f"{self.name} has ended: {' / '.join(lines[-4:])} ({self.log})")
