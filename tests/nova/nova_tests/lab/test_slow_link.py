"""A nova-compute learns what its link carries, and sends memory compressed over one that is slow."""

from __future__ import annotations

import os

import pytest

from libvirt_migrate.lab import Lab, Workload, faults, releases
from libvirt_migrate.nova import release

from .test_driver import drive, is_at

pytestmark = [pytest.mark.nova, pytest.mark.lab, pytest.mark.timeout(180)]

#: MiB of memory that compresses to a third, and takes some 8 s over 100 Mbit/s.
FILL = 96


@pytest.mark.skipif(release.major() < 33, reason="Nova 32 and older run in eventlet mode, which asks nobody")
@pytest.mark.skipif(
    releases.find("trixie") is None,
    reason="without hosts of Debian's trixie: `python -m libvirt_migrate.lab release trixie` gets them",
)
@pytest.mark.parametrize("chooses", [True, False])
def test_the_second_guest_is_sent_compressed(chooses: bool) -> None:
    text = Workload(working_set=4, rest=1000, fill=FILL, text=True)
    with Lab(f"nova-slow-{os.getpid()}", releases=("trixie", "trixie")) as lab:
        source, destination = lab.hosts
        first, second = (lab.start_guest(name, memory=FILL + 64, workload=text) for name in ("vm1", "vm2"))
        faults.slow(source, 100_000)
        options = {"libvirt_migrate.choose_transport": chooses, "use_stderr": True}
        result = drive(
            "threading",
            first,
            source,
            destination,
            then=second.uuid,
            memory=FILL + 64,
            options=options,
            log=True,
        )
        assert result["error"] is None
        assert [call["method"] for call in result["calls"]] == ["post", "post"]
        compressed = "Memory is sent compressed, over 2 connections: the link carries 1"
        assert result["log"].count(compressed) == int(chooses)
        times = result["calls"][0]["at"], result["calls"][1]["at"] - result["calls"][0]["at"]
        assert (times[1] < 0.75 * times[0]) == chooses, times
        for guest in (first, second):
            assert is_at(guest, destination)
            guest.beats.wait_for_passes()
            assert guest.beats.is_intact()
