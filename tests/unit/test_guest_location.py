"""`guest_location`: both hosts' answers, judged as everywhere in the package."""

from __future__ import annotations

from typing import Any

import pytest

from libvirt_migrate import InvalidParameter, guest_location


@pytest.mark.parametrize(
    ("source", "destination", "place"),
    [
        ([1, 1], None, "source-running"),
        ((3, 1), "unknown", "source-paused"),
        (None, [1, 2], "destination-running"),
        (None, [1, 10], "post-copy-broken"),
        ([3, 12], [1, 10], "unknown"),
        ("unknown", "unknown", "unknown"),
        ([1, 6], [1, 2], "both-running"),
        ([5, 1], None, "source-shut-off"),
        (None, [5, 1], "destination-shut-off"),
        ([5, 0], [5, 1], "both-shut-off"),
        (None, None, "absent"),
    ],
)
def test_the_place(source: Any, destination: Any, place: str) -> None:
    assert guest_location(source, destination) == place


@pytest.mark.parametrize("said", ["gone", [1], 7, [1, 2, 3], [2**40, 1]])
def test_other_answers_are_refused(said: Any) -> None:
    with pytest.raises(InvalidParameter, match="destination: is neither a state"):
        guest_location(None, said)
