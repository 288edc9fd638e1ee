"""Intents: what is refused, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from libvirt_migrate import Convergence, InvalidParameter

BAD_INTENTS: list[dict[str, Any]] = [
    {"max_downtime": -1},
    {"max_downtime": 0},
    {"max_downtime": float("nan")},
    {"max_downtime": 2001},
    {"deadline": 0},
    {"deadline": -5},
    {"deadline": float("inf")},
    {"on_deadline": "panic"},
    {"on_deadline": "force"},
    {"max_post_copy": 5},
    {"max_post_copy": 0, "post_copy": True},
    {"exclusive": True, "post_copy": True},
]


@pytest.mark.parametrize("intent", BAD_INTENTS, ids=str)
def test_absurd_intents_are_refused(intent: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=next(iter(intent))):
        Convergence(**intent)


@pytest.mark.parametrize(
    "options",
    [{"max_downtime": 0.05}, {"steps": 2}, {"delay": 2}, {"timeout_action": "panic"}, {"data_gb": -1}],
    ids=str,
)
def test_absurd_schedules_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=next(iter(options))):
        Convergence.schedule(**options)


def test_an_intent_says_what_it_is() -> None:
    intent = Convergence(max_downtime=0.1, deadline=60, post_copy=True, on_deadline="force")
    assert intent == Convergence(max_downtime=0.1, deadline=60, post_copy=True, on_deadline="force")
    assert intent != Convergence()
    assert intent.to_dict() == {
        "policy": "adaptive",
        "max_downtime": 0.1,
        "deadline": 60,
        "post_copy": True,
        "throttle": False,
        "on_deadline": "force",
        "max_post_copy": None,
        "exclusive": False,
        "choose_transport": True,
    }
    assert Convergence(choose_transport=False) != Convergence()
    only = Convergence(exclusive=True)
    assert only.exclusive
    assert only != Convergence()
    assert "adaptive" in repr(intent)
    schedule = Convergence.schedule(timeout_action="force_complete", max_downtime=0.4)
    assert (schedule.policy, schedule.on_deadline, schedule.max_downtime) == ("schedule", "force", 0.4)
    assert not schedule.choose_transport
