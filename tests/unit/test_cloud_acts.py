"""When tests/cloud takes a migration for one that sends memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from cloud.acts import Acts

GUEST = "9f0d6f5a-6a3c-4c3e-9c3e-0d4a3f1f0001"


class FakeDomain:
    """Tells of one job."""

    def __init__(self, identity: str, job: Any) -> None:
        self._identity, self._job = identity, job

    def UUIDString(self) -> str:
        return self._identity

    def jobStats(self) -> Any:
        if isinstance(self._job, Exception):
            raise self._job
        return self._job


def sends(*domains: FakeDomain) -> bool:
    host = SimpleNamespace(connection=lambda: SimpleNamespace(listAllDomains=lambda _: domains))
    cloud: Any = SimpleNamespace(computes={"host1": SimpleNamespace(host=host)})
    return Acts(cloud)._sends(GUEST, "host1")


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"type": 2, "memory_processed": 4096}, True),
        ({"type": 1, "memory_processed": 4096}, True),
        # Disks go first.
        ({"type": 2, "disk_processed": 4096, "memory_processed": 0}, False),
        ({"type": 2}, False),
        ({"type": 0}, False),
        # One that is over keeps its figures for a while.
        ({"type": 3, "memory_processed": 4096}, False),
        (libvirt.libvirtError("it has left"), False),
    ],
)
def test_memory_goes_out_while_a_job_runs_that_has_sent_some(job: Any, expected: bool) -> None:
    assert sends(FakeDomain(GUEST, job)) is expected


def test_another_guest_is_none() -> None:
    moving = {"type": 2, "memory_processed": 4096}
    assert not sends(FakeDomain("another", moving))
    assert not sends()
