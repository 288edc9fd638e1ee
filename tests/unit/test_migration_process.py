"""What a migration does to its process: threads, memory, fork, and the interpreter's end."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from helpers.migrating import DESTINATION, MigratingDomain, eventually, memory
from libvirt_migrate import Guest, MigrationCancelled

TESTS = Path(__file__).parents[1]
#: What a script gets to begin with.
BEGIN = """
import os, sys, threading, time
sys.path.insert(0, {tests!r})
from helpers.migrating import DESTINATION, MigratingDomain, eventually, memory
from libvirt_migrate import Guest, LibvirtError, MigrationError
domain = MigratingDomain()
guest = Guest(domain)
migration = guest.start_migration({{}}, destination=DESTINATION)
domain.wait_for_call()
domain.stats = memory(1, 100)
"""


def run(script: str, timeout: float = 60) -> str:
    """What a script prints in a process of its own. It must end well and say nothing else."""
    code = BEGIN.format(tests=str(TESTS)) + textwrap.dedent(script)
    done = subprocess.run(
        # From 3.12 on CPython warns of every fork in a process with threads.
        [sys.executable, "-X", "faulthandler", "-W", "ignore:This process", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def threads() -> list[str]:
    return sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def start_and_abort(domain: MigratingDomain) -> None:
    migration = Guest(domain).start_migration({}, destination=DESTINATION, on_progress=lambda _: None)
    migration.abort()
    with pytest.raises(MigrationCancelled):
        migration.result()


def test_two_hundred_starts_and_aborts_leave_memory_and_threads_flat() -> None:
    domain = MigratingDomain()
    for _ in range(50):
        start_and_abort(domain)
    before, memory_before = threads(), resident()
    for _ in range(200):
        start_and_abort(domain)
    eventually(lambda: len(threads()) <= len(before), f"as few threads as before: {before}")
    # One leaked thread's stack would be 8 MiB of address space and some pages; a leaked list of calls is kB.
    assert resident() - memory_before < 2 * 1024 * 1024
    assert threads().count("migration-watch") == 1


def test_a_hundred_migrations_are_watched_by_one_thread() -> None:
    domains = [MigratingDomain() for _ in range(100)]
    migrations = [Guest(domain).start_migration({}, destination=DESTINATION) for domain in domains]
    for domain in domains:
        domain.wait_for_call()
        domain.stats = memory(1, 100)
    eventually(lambda: all(migration.progress.iteration for migration in migrations), "progress of all")
    running = threads()
    assert running.count("migration-call") >= 100
    assert running.count("migration-watch") == 1
    # More than one only while a call takes long, as it may where a hundred threads want the interpreter.
    assert running.count("migration-hand") < 10
    for domain in domains:
        domain.end()
    assert all(migration.result().guest_location == "destination-running" for migration in migrations)
    eventually(lambda: threads().count("migration-call") == 0, "the end of their threads")


EXITS = {
    "the end of the script": "",
    "an exit": "print('last line'); sys.exit(0)",
    "a thread that waits": """
        threading.Thread(target=migration.wait, daemon=True).start()
        time.sleep(0.2)
    """,
    "a thread that iterates": """
        def follow():
            for _ in migration:
                pass
        threading.Thread(target=follow, daemon=True).start()
        time.sleep(0.2)
    """,
    "callbacks": """
        domain2 = MigratingDomain()
        Guest(domain2).start_migration({}, destination=DESTINATION, on_progress=lambda _: time.sleep(0.01))
        domain2.wait_for_call()
        domain2.stats = memory(1, 100)
        time.sleep(0.2)
    """,
    "an event loop of libvirt's": """
        Guest.open("test", "test:///default")
        time.sleep(0.1)
    """,
}


@pytest.mark.parametrize("script", EXITS.values(), ids=EXITS.keys())
def test_the_interpreter_ends_while_one_runs(script: str) -> None:
    assert run(textwrap.dedent(script) + "\nprint('last line')") == "last line\n"


def test_the_interpreter_ends_while_one_ends() -> None:
    """Many times, since it is a race."""
    script = """
    import random
    threading.Timer(random.uniform(0, 0.03), domain.end).start()
    """
    for _ in range(10):
        run(script)


def test_a_fork_is_refused_what_it_cannot_do() -> None:
    out = run(
        """
        child = os.fork()
        if child == 0:
            for call in (migration.wait, migration.result, migration.abort, migration.force_complete,
                         lambda: next(iter(migration)),
                         lambda: migration.set_bandwidth(5),
                         guest.adopt_migration,
                         lambda: guest.migrate({}, destination=DESTINATION),
                         lambda: guest.start_migration({}, destination=DESTINATION)):
                try:
                    call()
                except LibvirtError as error:
                    assert error.code == 55 and "fork" in str(error), error
                else:
                    print("not refused:", call, flush=True)
            # A guest of its own can be moved.
            own = MigratingDomain()
            again = Guest(own).start_migration({}, destination=DESTINATION)
            own.wait_for_call()
            own.end()
            print("child", again.result().guest_location, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        domain.end()
        print("parent", migration.result().guest_location)
        """
    )
    assert out == "child destination-running\nparent destination-running\n"


def test_ctrl_c_ends_a_wait_and_not_the_migration() -> None:
    out = run(
        """
        import signal
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        for wait in (migration.wait, migration.result, lambda: [None for _ in migration]):
            try:
                wait()
            except KeyboardInterrupt:
                print("interrupted", migration.done)
                threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            time.sleep(10)
        except KeyboardInterrupt:
            domain.end()
            print(migration.result().guest_location)
        """
    )
    assert out == "interrupted False\n" * 3 + "destination-running\n"
