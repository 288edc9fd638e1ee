"""What `drain` says of more migrations at a time than the source's daemon has workers for."""

from __future__ import annotations

from pathlib import Path

import pytest

from libvirt_migrate.cli.draining.workers import advise, workers_of


@pytest.mark.parametrize(
    ("jobs", "guests", "workers", "expected"),
    [
        (18, 100, 20, None),
        (19, 100, 20, "has 20 workers, and 19 migrations"),
        (100, 18, 20, None),
        (62, 100, 64, None),
        (63, 100, 64, "Use --jobs 62"),
        # Nobody tells.
        (18, 100, None, None),
        (19, 100, None, "has 20 workers unless max_workers says otherwise"),
        # One worker moves one at a time.
        (2, 2, 1, "Use --jobs 1"),
    ],
)
def test_more_than_there_are_workers_for_is_advised_against(
    jobs: int, guests: int, workers: int | None, expected: str | None
) -> None:
    said = advise(jobs, guests, workers)
    assert (said is None) == (expected is None)
    assert expected is None or expected in (said or "")


@pytest.mark.parametrize(
    ("uri", "script", "expected"),
    [
        ("qemu+ssh://host1/system", "echo 'maxWorkers     : 7'", None),
        ("qemu:///system", "echo 'minWorkers     : 5'; echo 'maxWorkers     : 7'", 7),
        # The modular daemon is not there.
        ("qemu:///system", "case $2 in virtqemud*) exit 1;; esac; echo 'maxWorkers     : 9'", 9),
        ("qemu:///system", "exit 1", None),
    ],
)
def test_a_daemon_of_this_machine_tells_how_many_it_has(
    uri: str, script: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "virt-admin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert workers_of(uri) == expected


def test_without_virt_admin_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert workers_of("qemu:///system") is None
