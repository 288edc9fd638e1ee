"""A nova-compute learns what its link carries, and sends memory compressed over one that is slow."""

from __future__ import annotations

import os

import pytest

from libvirt_migrate.lab import Lab, Workload, faults, releases
from libvirt_migrate.nova import release

from .test_driver import drive, is_at

pytestmark = [pytest.mark.nova, pytest.mark.lab, pytest.mark.timeout(180)]

#: MiB of memory that compresses to a third, and takes some 16 s over 100 Mbit/s. Statistics come every other
#: second there, and what a link carries is known after some of them.
FILL = 192


@pytest.mark.skipif(release.major() < 33, reason="Nova 32 and older run in eventlet mode, which asks nobody")
@pytest.mark.skipif(
    releases.find("trixie") is None,
    reason="without hosts of Debian's trixie: `python -m libvirt_migrate.lab release trixie` gets them",
)
def test_the_second_guest_is_sent_compressed() -> None:
    memory = FILL + 64
    text = Workload(working_set=4, rest=1000, fill=FILL, text=True)
    with Lab(f"nova-slow-{os.getpid()}", releases=("trixie", "trixie")) as lab:
        source, destination = lab.hosts
        guests = [lab.start_guest(name, memory=memory, workload=text) for name in ("vm1", "vm2")]
        faults.slow(source, 100_000)
        order = {"then": guests[1].uuid, "memory": memory, "options": {"use_stderr": True}, "log": True}
        result = drive("threading", guests[0], source, destination, **order)
        assert result["error"] is None
        assert [call["method"] for call in result["calls"]] == ["post", "post"]
        compressed = "Memory is sent compressed, over 2 connections: the link carries 1"
        assert result["log"].count(compressed) == 1, result["log"][-3000:]
        for guest in guests:
            assert is_at(guest, destination)
            guest.beats.wait_for_passes()
            # What it said last at the source may wait in the slow link, and come after the destination's.
            assert guest.beats.errors == 0
