"""What is kept of a live migration on disk, so that a nova-compute that is started again can take it over.

One file for each instance, below Nova's `state_path`, for root or Nova's user alone: what the volumes are
reached with may hold secrets. Nothing of a file's content is in a message or a `repr`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .verdict import Phase

#: Changed whenever a file of before would be misread.
FORMAT = 1
#: Below `state_path`.
FOLDER = "libvirt-migrate"


class BadJournal(Exception):
    """A journal that cannot be used, and why."""


@dataclasses.dataclass(frozen=True)
class Journal:
    """One migration, in plain values."""

    #: The instance's uuid.
    instance: str
    #: The migration's number in Nova's database.
    migration: int
    #: Nova's version.
    nova: str
    #: The hosts, by Nova's names.
    source: str
    destination: str
    #: The destination's libvirt daemon.
    uri: str
    block_migration: bool
    #: The instance's, when the migration began.
    vm_state: str
    #: Nova's objects in their primitive form.
    migrate_data: dict[str, Any] = dataclasses.field(repr=False)
    source_bdms: dict[str, Any] = dataclasses.field(repr=False)
    phase: Phase = Phase.MOVING
    #: How the migration is to end in the database once the rollback is done.
    status: str = "failed"
    #: libvirt took an abort.
    aborted: bool = False


class Store:
    """The journals of one nova-compute. Methods raise OSError where the disk fails."""

    def __init__(self, state_path: str) -> None:
        self._folder = Path(state_path) / FOLDER

    def _path(self, instance: str) -> Path:
        return self._folder / f"{instance}.json"

    def write(self, journal: Journal) -> None:
        """Keeps it, in place of what was kept of this instance: all of it or none, and on the disk."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fields = dataclasses.asdict(journal) | {"phase": journal.phase.value, "format": FORMAT}
        # Made with mode 0600.
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".new")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(fields, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path(journal.instance))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def change(self, journal: Journal, **fields: Any) -> Journal:
        """Keeps it with these fields changed, and returns that."""
        changed = dataclasses.replace(journal, **fields)
        self.write(changed)
        return changed

    def remove(self, instance: str) -> None:
        """Takes it away; none is no error."""
        path = self._path(instance)
        if path.exists():
            path.unlink(missing_ok=True)
            self._sync()

    def instances(self) -> list[str]:
        """Of which instances there are journals, readable or not."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def read(self, instance: str, nova: str) -> Journal | None:
        """The instance's journal, `None` where there is none. Raises BadJournal where it is not one that this
        release, with this version of Nova, can use.
        """
        try:
            text = self._path(instance).read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BadJournal(f"it cannot be read ({type(error).__name__})") from None
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            # Its message may hold a part of the content.
            raise BadJournal("it is not whole") from None
        journal = _checked(fields)
        if journal.instance != instance:
            raise BadJournal("it is another guest's")
        if _series(journal.nova) != _series(nova):
            raise BadJournal("it was written beside another release of Nova")
        return journal


def _series(version: str) -> str:
    return version.split(".")[0]


_TYPES: dict[str, type] = {
    "instance": str,
    "migration": int,
    "nova": str,
    "source": str,
    "destination": str,
    "uri": str,
    "block_migration": bool,
    "vm_state": str,
    "migrate_data": dict,
    "source_bdms": dict,
    "phase": str,
    "status": str,
    "aborted": bool,
}


def _checked(fields: Any) -> Journal:
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise BadJournal("it is of another release of libvirt-migrate")
    if fields.keys() != _TYPES.keys():
        raise BadJournal("it has other fields than are known")
    for name, kind in _TYPES.items():
        if type(fields[name]) is not kind:
            raise BadJournal(f"its {name} is of the wrong kind")
    try:
        fields["phase"] = Phase(fields["phase"])
    except ValueError:
        raise BadJournal("its phase is not known") from None
    return Journal(**fields)
