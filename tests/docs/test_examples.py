"""The programs of examples/, run as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import StartGuest
from helpers.moves import assert_runs_at
from libvirt_migrate.lab import Host, Workload

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
RUN = {
    "move.py": (sys.executable, str(EXAMPLES / "move.py")),
    "migrate.rs": ("cargo", "run", "--quiet", "--example", "migrate", "--"),
}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C"},
    )


@pytest.mark.timeout(700)
@pytest.mark.parametrize("example", sorted(RUN))
def test_a_guest_moves(example: str, start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    done = run(*RUN[example], source.uri, guest.name, destination.uri, destination.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert "destination-running" in done.stdout.splitlines()[-1]
    assert_runs_at(guest, destination)
    assert run(*RUN[example]).returncode == 2
    again = run(*RUN[example], source.uri, guest.name, destination.uri)
    assert (again.returncode, again.stdout) == (1, "")
    assert guest.name in again.stderr


def test_several_guests_move_and_one_does_not(
    start_guest: StartGuest, source: Host, destination: Host
) -> None:
    def everywhere(xml: str) -> str:
        return xml.replace(source.address, "0.0.0.0")  # noqa: S104

    guests = [start_guest(workload=Workload(working_set=2, rest=20), edit=everywhere) for _ in range(2)]
    names = [guests[0].name, "nobody", guests[1].name]
    done = run(sys.executable, str(EXAMPLES / "several.py"), source.uri, destination.uri, *names)
    assert (done.returncode, done.stderr) == (1, "")
    first, missing, second = done.stdout.splitlines()
    assert first == f"{guests[0].name}: destination-running"
    assert missing.startswith("nobody: ")
    assert second == f"{guests[1].name}: destination-running"
    for guest in guests:
        assert_runs_at(guest, destination)


def test_a_definition_is_changed() -> None:
    words = (
        sys.executable,
        str(EXAMPLES / "definition.py"),
        str(ROOT / "tests" / "definitions" / "nova-q35.xml"),
    )
    done = run(*words, '{"cpu_shares": 512}')
    assert (done.returncode, done.stderr) == (0, "")
    assert "512" in done.stdout
    assert run(*words, '{"frob": 1}').returncode == 1


def test_all_of_them_are_run() -> None:
    """Each has a test here."""
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix} == {*RUN, "several.py", "definition.py"}
