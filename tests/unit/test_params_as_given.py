"""Parameters of a caller with rules of its own: sent as they are, and the definitions together."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from libvirt_migrate import Guest, InvalidParameter
from libvirt_migrate._core import _params_as_given


class Domain:
    """Takes everything and remembers it; its facts fit nothing that is sent."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def name(self) -> str:
        return "another"

    def migrateToURI3(self, dconnuri: str, params: Any = None, flags: int = 0) -> None:
        self.calls.append((dconnuri, params, flags))


def test_all_is_sent_as_it_is() -> None:
    domain = Domain()
    # No XML, one disk in place of a list, and no flag to copy it with.
    params = _params_as_given("an-uri", 1, "</xml>", {"migrate_disks": "vda", "bandwidth": 2})
    Guest(domain).migrate(params, steer=False)
    assert domain.calls == [
        (
            "an-uri",
            {"destination_xml": "</xml>", "persistent_xml": "</xml>", "migrate_disks": "vda", "bandwidth": 2},
            1,
        )
    ]


def test_without_a_definition_there_is_none() -> None:
    assert dict(_params_as_given("an-uri", 0, None, {})) == {}


def test_one_definition_cannot_be_given_alone() -> None:
    for name in ("persistent_xml", "destination_xml", "no_such"):
        with pytest.raises(InvalidParameter, match=name):
            _params_as_given("an-uri", 0, None, {name: "<domain/>"})


def test_who_steers_tells(caplog: pytest.LogCaptureFixture) -> None:
    """Of the call alone no figures are known, so none are logged."""
    with caplog.at_level(logging.DEBUG):
        Guest(Domain()).migrate(_params_as_given("an-uri", 1, None, {}), steer=False)
        # What would be logged comes on another thread.
        Guest(Domain()).migrate(_params_as_given("qemu+tcp://host2/system", 1, None, {}))
        until = time.monotonic() + 60
        while not any("migrated in" in record.getMessage() for record in caplog.records):
            assert time.monotonic() < until
            time.sleep(0.01)
    assert not any("an-uri" in record.getMessage() for record in caplog.records)
    assert len([record for record in caplog.records if "migrated in" in record.getMessage()]) == 1
