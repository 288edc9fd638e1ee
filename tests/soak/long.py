"""Many migrations of one process: whether its memory, threads and files stay flat.

python -m soak.long PAGE PLOT (in tests/); `make soak-long` tells the rest.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import libvirt

from helpers.lab_moves import params_for
from libvirt_migrate import Guest, LibvirtError, build_migrate_params
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

#: How many, against libvirt's test driver and between the lab's hosts.
DRIVER, LAB = 10_000, 500
#: How often its state is taken on the way.
SAMPLES = 100
#: The part after which it has all that it needs: libraries, caches, arenas of the allocator.
WARM = 0.2
#: What memory may grow by since, MiB for all migrations: less than a kilobyte each of ten thousand.
GROWTH = 8.0
TITLE = "Long runs"


@dataclass
class Course:
    """What a process had on its way."""

    name: str
    migrations: list[int] = field(default_factory=list)
    #: MiB.
    memory: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, done: int) -> None:
        """Its state now."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.migrations.append(done)
        self.memory.append(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20))
        self.threads.append(len(os.listdir("/proc/self/task")))
        self.files.append(len(os.listdir("/proc/self/fd")))

    def _warm(self, figures: list[float] | list[int]) -> list[float]:
        return [float(figure) for figure in figures[int(len(figures) * WARM) :]]

    @property
    def growth(self) -> float:
        """What memory grew by once it was warm: the end's median against the beginning's, MiB."""
        warm = self._warm(self.memory)
        part = max(1, len(warm) // 5)
        return statistics.median(warm[-part:]) - statistics.median(warm[:part])

    @property
    def faults(self) -> list[str]:
        """What is not flat."""
        found = [f"memory grew by {self.growth:.1f} MiB"] if self.growth > GROWTH else []
        for what, figures in (("threads", self.threads), ("files", self.files)):
            # Some come and go with what runs just then. What is left behind stays.
            warm = self._warm(figures)
            part = max(1, len(warm) // 5)
            if min(warm[-part:]) > max(warm[:part]):
                found.append(f"{what} went from {figures[0]} to {figures[-1]}")
        return found


def against_driver(many: int) -> Iterator[int]:
    """Migrations that libvirt's test driver refuses, each after all that comes before."""
    connection = libvirt.open("test:///default")
    domain = connection.lookupByName("test")
    params = build_migrate_params(domain.XMLDesc(), destination="test:///default")
    for done in range(1, many + 1):
        try:
            Guest(domain).migrate(params)
        except LibvirtError:
            yield done
        else:
            raise AssertionError("the test driver has moved a guest")


def between_hosts(many: int) -> Iterator[int]:
    """Migrations back and forth, three guests at a time."""
    with Lab(f"long-{os.getpid()}") as lab:
        work = Workload(working_set=4, rest=20, idle=True)
        guests = [lab.start_guest(f"long{number}", memory=32, workload=work) for number in range(3)]
        source, destination = lab.hosts
        for done in range(0, many, len(guests)):
            _move(guests, source, destination)
            source, destination = destination, source
            for guest in guests:
                # What is heard of guests is the lab's, and grows.
                assert guest.beats.is_intact(), guest.name
                guest.beats.forget()
            yield done + len(guests)
        for guest in guests:
            guest.beats.wait_for_passes()
            assert guest.beats.is_intact(), guest.name


def _move(guests: list[LabGuest], source: Host, destination: Host) -> None:
    running = []
    for guest in guests:
        params = params_for(guest, (source, destination))
        running.append(Guest.open(guest.uuid, source.uri).start_migration(params))
    for migration in running:
        migration.result(120)


def followed(name: str, many: int, run: Callable[[int], Iterator[int]]) -> Course:
    """Its course."""
    course = Course(name)
    began, step = time.monotonic(), max(1, many // SAMPLES)
    next_one = step
    with contextlib.closing(run(many)) as migrations:  # type: ignore[type-var]
        for done in migrations:
            if done >= next_one:
                course.take(done)
                next_one = done + step
    course.seconds = time.monotonic() - began
    print(
        f"{name}: {course.migrations[-1]} in {course.seconds:.0f} s; memory {course.memory[0]:.0f} to "
        f"{course.memory[-1]:.0f} MiB ({course.growth:+.1f} once warm), threads {course.threads[0]} to "
        f"{course.threads[-1]}, files {course.files[0]} to {course.files[-1]}",
        flush=True,
    )
    return course


def draw(courses: list[Course], target: Path) -> None:
    """The plot."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    # The same picture from the same figures.
    rcParams["svg.hashsalt"] = "libvirt-migrate"
    rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, course in zip(figure.subplots(1, len(courses)), courses, strict=True):
        axes.plot(course.migrations, course.memory, label="memory, MiB")
        axes.plot(course.migrations, course.threads, label="threads")
        axes.plot(course.migrations, course.files, label="files")
        axes.set(title=course.name, xlabel="migrations", ylim=(0, None))
        axes.legend()
    figure.savefig(target, metadata={"Date": None})


def section(courses: list[Course], plot: str) -> str:
    """Its part of the page."""
    lines = [
        "| one process | migrations | took | memory once warm | threads | files |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for course in courses:
        threads, files = (f"{min(each)} to {max(each)}" for each in (course.threads, course.files))
        lines.append(
            f"| {course.name} | {course.migrations[-1]} | {course.seconds:.0f} s "
            f"| {course.growth:+.1f} MiB | {threads} | {files} |"
        )
    return "\n".join(
        [
            f"\n## {TITLE}\n",
            "`make soak-long` ([tests/soak/long.py](../tests/soak/long.py)) has one process ask for many",
            f"migrations, and fails if its memory grows by more than {GROWTH:.0f} MiB once it is warm, or",
            "what is left of its threads or files at all. libvirt's test driver refuses to move a guest,",
            "after all that comes before that; the lab's hosts move them.\n",
            *lines,
            f"\n![memory, threads and files]({plot})",
            "",
        ]
    )


def main(page: str, plot: str) -> int:
    """The command."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    courses = [
        followed("test driver", DRIVER, against_driver),
        followed("lab", LAB, between_hosts),
    ]
    draw(courses, Path(plot))
    from .page import replaced

    replaced(Path(page), TITLE, section(courses, Path(plot).name))
    left = [f"{course.name}: {fault}" for course in courses for fault in course.faults]
    print("\n".join(left) or f"flat; {threading.active_count()} of Python's threads are left")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
