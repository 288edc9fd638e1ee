"""What `drain` says of more migrations at a time than the source's daemon has workers for."""

from __future__ import annotations

import sys

import pytest

from libvirt_migrate.cli.draining.workers import advise, workers_of
from libvirt_migrate.lab import Host


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


def test_a_daemon_elsewhere_and_one_that_is_not_there_do_not_tell(capfd: pytest.CaptureFixture[str]) -> None:
    for other in ("qemu+ssh://host1/system", "qemu:///session", "test:///default"):
        assert workers_of(other) is None, other
    # Nobody has started a daemon on this machine, or it tells how many it has.
    assert workers_of("qemu:///system") in (None, *range(1, 10_000))
    assert capfd.readouterr().err == ""


def test_without_the_library_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libvirt_migrate.cli.draining.workers._LIBRARY", "libvirt-admin.so.of-another-day")
    assert workers_of("qemu:///system") is None


def test_a_real_daemon_tells_how_many_it_has(hosts: tuple[Host, Host]) -> None:
    ask = "from libvirt_migrate.cli.draining.workers import workers_of; print(workers_of('qemu:///system'))"
    said = hosts[0].run(sys.executable, "-c", ask)
    settings = (hosts[0].folder / "etc" / "libvirtd.conf").read_text()
    assert f"max_workers = {said.strip()}\n" in settings
