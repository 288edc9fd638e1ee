"""The cells of the matrix, and what becomes of each: pass, fail, or not run, with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from libvirt_migrate.lab import Host, Lab, LabError, releases

from .features import FEATURES, try_feature
from .nova import NOVAS, NotRun, driver
from .ways import WAYS, Run

PASS, FAIL, NOT_RUN = "pass", "fail", "not run"


@dataclass(frozen=True)
class Row:
    """A cell, as it is recorded."""

    #: release, wheel, way, feature, nova or upgrade.
    kind: str
    #: The release, or the pair of them.
    source: str
    destination: str
    name: str
    result: str
    #: What was seen, or why it failed or was not run.
    text: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Cell:
    """A cell that is to be run on a lab's hosts."""

    kind: str
    name: str
    run: Run


def pairs(names: tuple[str, ...] = releases.KNOWN) -> list[tuple[str, str]]:
    """All pairs: first what libvirt supports, to the same release or a newer one, and then back."""
    up = [(source, to) for at, source in enumerate(names) for to in names[at:]]
    return up + [(to, source) for source, to in up if source != to]


def is_back(names: tuple[str, str]) -> bool:
    """From a newer release to an older one, by the order of those that are known."""
    source, destination = (releases.KNOWN.index(name) for name in names)
    return source > destination


def cells_of(names: tuple[str, str], command: Run) -> list[Cell]:
    """What is tried of a pair. `command` is the command on the source."""
    wanted = ("any", "older" if is_back(names) else "newer")
    cells = [Cell("way", way.name, way.run) for way in WAYS if way.to in wanted]
    cells.append(Cell("way", "the command, on the source", command))
    cells += [Cell("feature", feature.name, _feature(feature)) for feature in FEATURES]
    return cells + [
        Cell("nova", f"Nova {nova}", driver(nova)) for nova, those in NOVAS.items() if names in those
    ]


def _feature(feature: Any) -> Run:
    return lambda lab, source, destination: try_feature(feature, lab, source, destination)


def run_cell(cell: Cell, names: tuple[str, str], lab: Lab, source: Host, destination: Host) -> Row:
    """Runs one. Whatever it raises is its failure, so that the others are run."""
    start = time.monotonic()

    def row(result: str, text: str) -> Row:
        return Row(cell.kind, *names, cell.name, result, text, round(time.monotonic() - start, 1))

    try:
        return row(PASS, cell.run(lab, source, destination))
    except NotRun as error:
        return row(NOT_RUN, str(error))
    except Exception as error:
        return row(FAIL, f"{type(error).__name__}: {' '.join(str(error).split())}")


def run_pair(name: str, names: tuple[str, str], cells: list[Cell], tell: Callable[[Row], None]) -> None:
    """Runs the cells of a pair on two hosts of its own. Those that cannot be run are told as not run."""
    left = list(cells)
    while left:
        try:
            with Lab(name, tls=True, releases=names) as lab:
                _run_some(lab, names, left, tell)
        except LabError as error:
            for cell in left:
                tell(Row(cell.kind, *names, cell.name, NOT_RUN, str(error)))
            return


def _run_some(lab: Lab, names: tuple[str, str], left: list[Cell], tell: Callable[[Row], None]) -> None:
    """Takes cells off the list and runs them, up to the first that fails: the next gets fresh hosts."""
    while left:
        row = run_cell(left[0], names, lab, *lab.hosts)
        left.pop(0)
        tell(row)
        if row.result == FAIL:
            return
