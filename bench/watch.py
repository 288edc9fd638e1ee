"""Watching: the processor time that 100 simulated migrations take, here and in 100 of Nova 34's own monitor
loops, what 1,000 take, and how soon the end of a real one is noticed.

Each side is a process of its own, by turns, and the same jobs stand in for libvirt's: for Nova in Python
objects, for the engine in Rust and, for comparison, in Nova's Python objects.
The real one is moved between the hosts of a lab; its events come to this process over another connection.
Run it with the Python of a Nova environment (scripts/nova-venv).

Usage: watch.py [rounds]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
os.environ.setdefault("OS_NOVA_DISABLE_EVENTLET_PATCHING", "True")

import libvirt

from helpers.migrating import DESTINATION, MigratingDomain, memory
from libvirt_migrate import Guest, build_migrate_params
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3
#: Migrations at once, and for how long they are watched, s.
MIGRATIONS, SECONDS = 100, 20.0
#: As many as a large farm has at once.
MANY = 1000
#: Real migrations of which the end is timed.
ENDS = 15


class Guests:
    """Domains of 64 GiB whose jobs go on, 500 MiB in a second."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.domains = [MigratingDomain() for _ in range(MIGRATIONS)]
        for domain in self.domains:
            domain.has_job = True
        self.go_on()

    def go_on(self) -> None:
        """One step of each."""
        for index, domain in enumerate(self.domains):
            left = (60 << 30) - (int(time.monotonic() - self._start) * 500 + index << 20)
            domain.stats = memory(1, 0) | {
                "memory_total": 64 << 30,
                "memory_processed": (64 << 30) - left,
                "memory_remaining": left,
            }


def cpu(guests: Guests) -> float:
    """Seconds of processor time of this process for a second of watching."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    while time.monotonic() < start + SECONDS:
        time.sleep(0.5)
        guests.go_on()
    after, took = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - start
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / took


def nobody() -> float:
    """The guests alone."""
    return cpu(Guests())


def ours() -> float:
    """This package."""
    guests = Guests()
    for domain in guests.domains:
        domain.has_job = False
        Guest(domain).start_migration({}, destination=DESTINATION)
        domain.wait_for_call()
    return cpu(guests)


def nova() -> float:
    """Nova's monitor, a loop for each guest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nova.virt.libvirt import driver
        from nova.virt.libvirt import guest as nova_guest
    guests = Guests()
    for index, domain in enumerate(guests.domains):
        instance = SimpleNamespace(uuid=f"uuid-{index}", save=lambda: None, progress=0)
        host = SimpleNamespace(
            active_migrations={instance.uuid: deque()},
            _get_migration_flags=lambda *_: 0,
            _is_post_copy_enabled=lambda *_: False,
            _get_vpmems=lambda *_: [],
            _live_migration_data_gb=lambda *_: 1.0,
        )
        data = SimpleNamespace(
            migration=SimpleNamespace(status="running", save=lambda: None), block_migration=False
        )
        loop = driver.LibvirtDriver._live_migration_monitor
        guest = nova_guest.Guest(domain)
        arguments: tuple[Any, ...] = (None, instance, guest, "dest", None, None, False, data, Future(), [])
        threading.Thread(target=loop, args=(host, *arguments), daemon=True).start()
    time.sleep(1)
    return cpu(guests)


WAYS: dict[str, Callable[[], float]] = {"nobody": nobody, "objects": ours, "nova": nova}
#: The engine with domains that have events, in Rust, as libvirt's are.
NATIVE = ("cargo", "bench", "--quiet", "--bench", "watch")


def bench_cpu() -> None:
    """By turns; what the simulation itself takes is taken off."""
    ways = {way: (sys.executable, "-W", "ignore", __file__, way) for way in WAYS} | {"ours": NATIVE}
    shares: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, command in ways.items():
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            shares[way].append(float(done.stdout.split()[0]))
    medians = {way: statistics.median(found) for way, found in shares.items()}
    ours, theirs = medians["ours"], medians["nova"] - medians["nobody"]
    print(
        f"watching {MIGRATIONS} migrations: {ours * 100:.3f} % of a core; {MIGRATIONS} of Nova's loops "
        f"{theirs * 100:.3f} %; medians of {ROUNDS} of {SECONDS:.0f} s; ratio {ours / theirs:.3f} (aim: 0.1)"
    )
    objects = medians["objects"] - medians["nobody"]
    print(f"  the same through Python objects, which have no events: {objects * 100:.3f} %")


def bench_many() -> None:
    """As many migrations in one process as a large farm has."""
    runs = []
    for _ in range(ROUNDS):
        environment = os.environ | {"WATCHED": str(MANY)}
        done = subprocess.run(NATIVE, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        runs.append(tuple(float(figure) for figure in done.stdout.split()))
    share, memory = (statistics.median(figures) for figures in zip(*runs, strict=True))
    print(
        f"watching {MANY} migrations in one process: {share * 100:.2f} % of a core (aim: 1 at most), "
        f"{memory:.0f} MiB with their domains (aim: 100 at most); medians of {ROUNDS}"
    )


def bench_end() -> None:
    """From libvirt's event at another listener until `result` returns."""
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    delays, ended = [], [0.0]

    def noted(_conn: Any, _dom: Any, event: int, detail: int, _opaque: Any) -> None:
        if (event, detail) == (libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED):
            ended[0] = time.perf_counter()

    with Lab(f"bench-watch-{os.getpid()}") as lab:
        guest = lab.start_guest("end", workload=Workload(working_set=8, rest=20))
        here, there = lab.hosts
        listeners = [libvirt.open(host.uri) for host in lab.hosts]
        for listener in listeners:
            listener.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, noted, None)
        for _ in range(ENDS):
            over = _move(guest, here, there)
            time.sleep(0.2)
            delays.append(over - ended[0])
            here, there = there, here
        for listener in listeners:
            listener.close()
    print(
        f"the end is noticed {statistics.median(delays) * 1000:.1f} ms after libvirt's event; median of "
        f"{ENDS} (aim: 5 ms at most)"
    )


def _move(guest: LabGuest, here: Host, there: Host) -> float:
    """When `result` returned. Nothing of the domain outlives this, nor so its connection the lab."""
    domain = guest.domain(here)
    xml = guest.xml_for(here, there, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE))
    params = build_migrate_params(xml, destination=there.uri)
    Guest(domain).start_migration(params).result()
    return time.perf_counter()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in WAYS:
        print(WAYS[sys.argv[1]](), flush=True)
        # Their migrations never end.
        os._exit(0)
    bench_cpu()
    bench_many()
    bench_end()
