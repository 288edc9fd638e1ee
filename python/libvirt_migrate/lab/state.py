"""What is on disk of the labs: a folder each, with a file that says who keeps it and where its hosts are."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import LabError

ROOT = Path("/run/libvirt-migrate-lab")
_FILE = "lab.json"


@dataclass(frozen=True)
class HostState:
    """Where a host is."""

    name: str
    #: Its address on the lab's network.
    address: str
    #: The process that holds its namespaces.
    pid: int
    #: The Debian release that it is of; empty where it is of this machine's own files.
    release: str = ""


@dataclass(frozen=True)
class LabState:
    """Where a lab is, and which process keeps it."""

    name: str
    #: The process that keeps the lab, and its start time in the kernel's ticks: numbers of processes repeat.
    keeper: int
    started: int
    #: The third byte of its network, 10.213.SUBNET.0/24.
    subnet: int
    hosts: tuple[HostState, ...]
    #: It has certificates.
    tls: bool = False

    @property
    def address(self) -> str:
        """This machine's address on the lab's network."""
        return f"{prefix(self.subnet)}254"

    def is_alive(self) -> bool:
        """Whether the lab's keeper still runs."""
        return start_time(self.keeper) == self.started


def prefix(subnet: int) -> str:
    """What the addresses of a lab's network begin with."""
    return f"10.213.{subnet}."


def folder(name: str) -> Path:
    """The folder of the lab of this name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,23}", name):
        raise LabError(f"{name!r} is no name for a lab: 1 to 24 of a-z, 0-9 and -, no - first")
    return ROOT / name


def write(state: LabState) -> None:
    """Stores a lab's state, whole or not at all."""
    path = folder(state.name) / _FILE
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(state)))
    draft.replace(path)


def read(name: str) -> LabState | None:
    """The state of a lab, or nothing where there is none, or none yet."""
    try:
        fields = json.loads((folder(name) / _FILE).read_text())
    except FileNotFoundError:
        return None
    hosts = tuple(HostState(**_known(HostState, host)) for host in fields.pop("hosts"))
    return LabState(hosts=hosts, **_known(LabState, fields))


def _known(kind: type, stored: dict[str, Any]) -> dict[str, Any]:
    """What this version knows of what may have been stored by a newer one."""
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in stored.items() if name in known}


def names() -> list[str]:
    """The labs that have a folder, whether alive or left by a machine that was switched off."""
    return sorted(path.name for path in ROOT.glob("*/")) if ROOT.is_dir() else []


def remove(name: str) -> None:
    """Removes a lab's folder."""
    shutil.rmtree(folder(name), ignore_errors=True)


def sweep() -> None:
    """Removes folders of labs whose keeper was killed. Call with the lock held."""
    for name in names():
        state = read(name)
        if state is None or not state.is_alive():
            remove(name)


@contextmanager
def lock() -> Iterator[None]:
    """Held while a lab is made, so that two never choose the same network."""
    ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (ROOT / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since boot; nothing where it is not there."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in the second field may hold anything, so the count begins behind it.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def myself() -> tuple[int, int]:
    """This process, as a lab's keeper."""
    return os.getpid(), start_time(os.getpid()) or 0
