"""What tests/cloud takes for right after a step: each thing that is off is told."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from cloud.seen import AtHost, Seen

HERE = AtHost("running", ("10.0.0.2",), ("10.0.0.2",))
RIGHT = Seen(
    status="ACTIVE",
    task=None,
    host="host2",
    database_host="host2",
    node="host2",
    vm_state="active",
    migration="completed",
    guest={"host2": HERE},
    folders=("host2",),
    allocated=("host2",),
)
HOSTS = {
    name: SimpleNamespace(host=SimpleNamespace(address=f"10.0.0.{name[-1]}")) for name in ("host1", "host2")
}
CLOUD: Any = SimpleNamespace(computes=HOSTS)


def test_what_is_right_has_no_problem() -> None:
    assert RIGHT.problems(CLOUD, "host2") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "ERROR"),
        ("task", "migrating"),
        ("host", "host1"),
        ("database_host", "host1"),
        ("node", "host1"),
        ("guest", {}),
        ("guest", {"host1": HERE}),
        ("guest", {"host1": HERE, "host2": HERE}),
        ("guest", {"host2": dataclasses.replace(HERE, state="paused")}),
        ("guest", {"host2": dataclasses.replace(HERE, live=("10.0.0.1",))}),
        ("guest", {"host2": dataclasses.replace(HERE, persistent=("10.0.0.1",))}),
        ("folders", ()),
        ("folders", ("host1", "host2")),
        ("allocated", ("host1", "host2")),
        ("leaked", ("host1",)),
    ],
)
def test_each_thing_that_is_off_is_a_problem(field: str, value: Any) -> None:
    seen = dataclasses.replace(RIGHT, **{field: value})
    assert seen.problems(CLOUD, "host2")
