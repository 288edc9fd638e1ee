"""The record of a drain: which guests went where, so that `undrain` can bring them back."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import UserError, one_line, repeatable


@dataclass(frozen=True)
class Gone:
    """A guest that has left."""

    name: str
    uuid: str
    #: The URI of the host that it went to, without secrets.
    destination: str
    #: When, as a person reads it.
    at: str


def place_of(host_uuid: str | None) -> Path:
    """Where the record of this host is, for this user."""
    # systemd's name for the folder of a service's state.
    if given := os.environ.get("STATE_DIRECTORY"):
        folder = Path(given.partition(":")[0])
    elif os.geteuid() == 0:
        folder = Path("/var/lib/libvirt-migrate")
    else:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(home, "libvirt-migrate")
    return folder / "drains" / f"{host_uuid or 'unknown'}.json"


class Ledger:
    """The record in its file, which is written anew with each change: a drain may be ended at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._gone: dict[str, Gone] = {}

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """What is recorded there, which is nothing without a file. Raises UserError for what is no record."""
        ledger = cls(path)
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))["guests"]
            ledger._gone = {entry["uuid"]: Gone(**entry) for entry in entries}
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UserError(f"the record {path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no record of a drain: {one_line(str(error))}") from None
        return ledger

    @property
    def gone(self) -> list[Gone]:
        """Those that are away."""
        return [*self._gone.values()]

    def add(self, name: str, uuid: str, destination: str) -> None:
        """A guest has left for a destination. Raises OSError."""
        at = time.strftime("%Y-%m-%d %H:%M:%S %z")
        with self._lock:
            self._gone[uuid] = Gone(name, uuid, repeatable(destination), at)
            self._write()

    def remove(self, uuid: str) -> None:
        """A guest is back. Raises OSError."""
        with self._lock:
            if self._gone.pop(uuid, None) is not None:
                self._write()

    def _write(self) -> None:
        """In one step, so that it is whole whatever happens. With nobody away there is no record."""
        if not self._gone:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".drain-")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({"guests": [asdict(one) for one in self._gone.values()]}, file, indent=1)
            os.replace(name, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
