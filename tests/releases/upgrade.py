"""The rolling upgrade: hosts of ever newer releases, each emptied into the next with the guests running."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from helpers.commands import LISTEN, command
from libvirt_migrate.lab import Lab, LabError

from .cells import NOT_RUN, Cell, Row, run_cell
from .features import IDLE
from .scene import Scene, check_moved, check_runs, known, stage


def drain(lab: Lab) -> str:
    """Two guests of the oldest release, moved by `libvirt-migrate drain` from host to host."""
    with ExitStack() as guests:
        oldest, newest = lab.hosts[0], lab.hosts[-1]
        scenes = [guests.enter_context(stage(lab, oldest, newest, f"roll{n}", IDLE)) for n in range(2)]
        machine = scenes[0].machine
        for source, destination in zip(lab.hosts, lab.hosts[1:], strict=False):
            done = command("drain", source.uri, "--to", destination.uri, *LISTEN)
            assert done.returncode == 0, done.stdout + done.stderr
            assert known(source) == set(), f"{source.name} is not empty"
            for scene in scenes:
                check_runs(scene, destination, source)
        for scene in scenes:
            check_moved(Scene(lab, lab.hosts[-2], newest, scene.guest))
        return machine


def run_upgrade(name: str, names: tuple[str, ...], tell: Callable[[Row], None]) -> None:
    """Runs it over these releases."""
    cell = Cell("upgrade", " → ".join(names), lambda lab, *_: drain(lab))
    ends = (names[0], names[-1])
    try:
        with Lab(name, releases=names) as lab:
            tell(run_cell(cell, ends, lab, lab.hosts[0], lab.hosts[-1]))
    except LabError as error:
        tell(Row(cell.kind, *ends, cell.name, NOT_RUN, str(error)))
