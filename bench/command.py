"""The command: its start against virsh's, completion, its display's share of a core, drain against a loop.

`python bench/command.py start` measures the first two alone.
"""

from __future__ import annotations

import os
import pty
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

COMMAND = (sys.executable, "-m", "libvirt_migrate.cli")
#: Starts of each kind, and guests to drain.
STARTS, JOBS = 25, 4
GUESTS = int(sys.argv[1]) if sys.argv[1:2] not in ([], ["start"]) else 20
#: Guests of the host whose names are completed.
NAMES = 500
#: How long a display is measured, s.
SHOWN = 20.0
LISTEN = ("--set", "graphics.listen={host}")


def first_line(*command: str) -> float:
    """Seconds until a program has printed its first line."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - start


def first_sight(*command: str) -> float:
    """Seconds until a program has written something to its terminal."""
    start = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm"})  # noqa: S606
    os.read(terminal, 4096)
    seconds = time.perf_counter() - start
    _read(terminal, time.monotonic() + 30)
    os.waitpid(process, 0)
    return seconds


def bench_start() -> None:
    """By turns, so that all see the same machine."""
    nobody = ("migrate", "vm", "qemu+tcp://127.0.0.1:1/system", "--from", "test:///default")
    ours, seen, theirs = [], [], []
    for _ in range(STARTS):
        ours.append(first_line(*COMMAND, "--version"))
        theirs.append(first_line("virsh", "--version"))
        seen.append(first_sight(*COMMAND, *nobody))
    mine, sight, yardstick = (statistics.median(times) for times in (ours, seen, theirs))
    print(
        f"start: --version {mine * 1000:.0f} ms to the first line, "
        f"migrate on a terminal {sight * 1000:.0f} ms; "
        f"virsh --version {yardstick * 1000:.0f} ms; medians of {STARTS} each by turns; "
        f"ratio {mine / yardstick:.2f} (aim: 150 ms at most)"
    )


def bench_help() -> None:
    """By turns; under load the shortest of each is the one that was least disturbed."""
    command = os.path.join(os.path.dirname(sys.executable), "libvirt-migrate")
    ours, theirs, bare = [], [], []
    for _ in range(STARTS):
        ours.append(first_line(command, "--help"))
        theirs.append(first_line("virsh", "help"))
        bare.append(first_line(sys.executable, "-c", "print()"))
    mine, yardstick = statistics.median(ours), statistics.median(theirs)
    print(
        f"help: {mine * 1000:.0f} ms to the first line, virsh help {yardstick * 1000:.0f} ms, Python alone "
        f"{statistics.median(bare) * 1000:.0f} ms; medians of {STARTS} each by turns; ratio "
        f"{mine / yardstick:.2f}, of the shortest {min(ours) / min(theirs):.2f} (aim: 1.5 at most)"
    )


def bench_completion(source: Host) -> None:
    """What bash does when Tab is pressed for a guest's name, on a host that has many guests."""
    connection = source.connection()
    for index in range(NAMES):
        connection.defineXML(
            f"<domain type='qemu'><name>guest-{index}</name><memory unit='MiB'>64</memory>"
            "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
        )
    script = subprocess.run(
        [*COMMAND, "completion", "bash"], check=True, capture_output=True, text=True
    ).stdout
    line = f"libvirt-migrate migrate --from {source.uri} guest-"
    script += f"""
COMP_WORDS=({line}); COMP_CWORD=$(({len(line.split())} - 1)); COMP_LINE='{line}'
for turn in {{1..{STARTS}}}; do
  begun=${{EPOCHREALTIME/[.,]/}}
  _shtab_libvirt_migrate
  echo $((${{EPOCHREALTIME/[.,]/}} - begun)) ${{#COMPREPLY[@]}}
done"""
    told = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout
    times = [int(row.split()[0]) / 1000 for row in told.splitlines()]
    found = {int(row.split()[1]) for row in told.splitlines()}
    print(
        f"completion: {found} of {NAMES} names in {statistics.median(times):.0f} ms, the shortest "
        f"{min(times):.0f} ms; median of {STARTS} (aim: 150 ms at most)"
    )
    for domain in connection.listAllDomains():
        domain.undefine()


def bench_display(guest: LabGuest, source: Host, destination: Host) -> None:
    """Processor time of a migration that is shown, less that of one that is not."""
    move = (guest, source, destination)
    costs = [_used(*move, shown=True) - _used(*move, shown=False) for _ in range(3)]
    cost = statistics.median(costs) / SHOWN
    print(
        f"display: {cost:.2%} of a core over {SHOWN:.0f} s, the start of rich included; median of 3 "
        "(aim: 1 % at most)"
    )


def _used(guest: LabGuest, source: Host, destination: Host, *, shown: bool) -> float:
    """Seconds of processor time that a migration's command takes in SHOWN seconds."""
    words = [*COMMAND, "migrate", guest.uuid, destination.uri, "--from", source.uri, *LISTEN]
    words += ["--bandwidth", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(words[0], words, {**os.environ, "TERM": "xterm" if shown else "dumb"})  # noqa: S606
    start = time.monotonic()
    _read(terminal, start + SHOWN)
    os.kill(process, signal.SIGINT)
    _read(terminal, start + SHOWN + 30)
    os.waitpid(process, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _read(terminal: int, until: float) -> None:
    """What the terminal gets, until a time or the end."""
    import select

    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:
                return


def by_drain(source: Host, destination: Host, guests: list[LabGuest]) -> None:
    """The command."""
    words = [*COMMAND, "drain", source.uri, "--to", destination.uri, "--jobs", str(JOBS), *LISTEN]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def by_virsh(source: Host, destination: Host, guests: list[LabGuest]) -> None:
    """A loop of the shell, which needs a definition with the destination's addresses for each guest."""
    for guest in guests:
        script = (
            f"virsh -c {source.uri} dumpxml --migratable {guest.uuid} | "
            f"sed 's/{source.address}/{destination.address}/g' > /tmp/drain-{os.getpid()}.xml && "
            f"virsh -c {source.uri} migrate --live --p2p --persistent --undefinesource {guest.uuid} "
            f"{destination.uri} --xml /tmp/drain-{os.getpid()}.xml "
            f"--persistent-xml /tmp/drain-{os.getpid()}.xml"
        )
        subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.DEVNULL)
    os.unlink(f"/tmp/drain-{os.getpid()}.xml")  # noqa: S108


def bench_drain(lab: Lab) -> None:
    """All guests there and back, by turns in each way."""
    here, there = lab.hosts
    guests = [
        lab.start_guest(f"g{index}", memory=64, workload=Workload(working_set=4, rest=200))
        for index in range(GUESTS)
    ]
    times: dict[str, list[float]] = {"by_drain": [], "by_virsh": []}
    ways: tuple[Callable[[Host, Host, list[LabGuest]], None], ...]
    ways = (*(by_drain, by_virsh, by_virsh, by_drain), by_drain, by_virsh)
    for way in ways:
        start = time.perf_counter()
        way(here, there, guests)
        times[way.__name__].append(time.perf_counter() - start)
        here, there = there, here
    lost = sum(not guest.beats.is_intact() for guest in guests)
    drained, looped = (statistics.median(times[name]) for name in ("by_drain", "by_virsh"))
    print(
        f"drain of {GUESTS} guests, {JOBS} at a time: {drained:.1f} s; virsh in a loop {looped:.1f} s "
        f"(medians of 3, by turns); ratio {drained / looped:.2f} (aim: below 1); guests lost: {lost}"
    )


def main() -> None:
    """Runs all of it."""
    bench_start()
    bench_help()
    with Lab(f"bench-cli-{os.getpid()}") as lab:
        bench_completion(lab.hosts[0])
        if sys.argv[1:] == ["start"]:
            return
        guest = lab.start_guest("display", workload=Workload(working_set=16))
        bench_display(guest, lab.hosts[0], lab.hosts[1])
        lab.remove_guest(guest)
        bench_drain(lab)


if __name__ == "__main__":
    main()
