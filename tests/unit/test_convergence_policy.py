"""A policy on its own, for a caller that runs the migration itself; and a migration that nobody steers."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from libvirt_migrate import Convergence, ConvergencePolicy, Guest, InvalidParameter, MigrateFlags

GIB = 1 << 30


def stats(iteration: int = 2, remaining: int = GIB) -> dict[str, Any]:
    """What libvirt tells of a job that moves memory."""
    return {
        "type": 2,
        "memory_total": 2 * GIB,
        "memory_processed": GIB,
        "memory_remaining": remaining,
        "memory_iteration": iteration,
        "memory_bps": 100 << 20,
        "memory_dirty_rate": 10,
        "memory_page_size": 4096,
    }


def test_the_schedule_asks_for_novas_steps() -> None:
    policy = ConvergencePolicy(Convergence.schedule(data_gb=2.0))
    asked = []
    for second in range(0, 2000, 10):
        begun = policy.begin(0.0) if second == 0 else []
        for decision in begun + policy.observe(stats(), float(second)):
            asked.append((decision.action, decision.max_downtime, decision.at))
            policy.succeeded(decision)
    # Nova's documentation: 50 ms, then 45 ms more every 150 s, and the abort after 1600 s.
    steps = [limit for action, limit, _ in asked if action == "set-max-downtime"]
    assert steps == [(50 + 45 * step) / 1000 for step in range(11)]
    assert [action for action, _, _ in asked if action != "set-max-downtime"] == ["abort"]


def test_a_decision_that_failed_is_asked_for_again_and_one_that_succeeded_is_not() -> None:
    intent = Convergence(deadline=10)
    for succeeds in (True, False):
        policy = ConvergencePolicy(intent)
        policy.begin(0.0)
        aborts = 0
        for second in range(1, 60):
            for decision in policy.observe(stats(second), float(second)):
                if decision.action != "abort":
                    policy.succeeded(decision)
                    continue
                aborts += 1
                assert decision.reason
                assert decision.max_downtime is None
                if succeeds:
                    policy.succeeded(decision)
                else:
                    policy.failed(decision, float(second))
        assert (aborts == 1) == succeeds


def test_bad_input_is_refused() -> None:
    policy = ConvergencePolicy(Convergence(), MigrateFlags.LIVE)
    for elapsed in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidParameter, match="elapsed"):
            policy.observe(stats(), elapsed)
    with pytest.raises(InvalidParameter, match="flags"):
        ConvergencePolicy(Convergence(), 1 << 40)
    assert policy.observe(stats() | {"memory_total": "many", "unknown": object()}, 1.0) is not None


def test_a_migration_that_is_not_steered_is_one_call() -> None:
    domain = mock.Mock(spec=["name", "migrateToURI3", "UUIDString"])
    domain.name.return_value = "vm1"
    domain.UUIDString.return_value = "11111111-2222-4333-8444-555555555555"
    params = {"bandwidth": 1}
    Guest(domain).migrate(params, destination="qemu+tcp://host2/system", steer=False)
    domain.migrateToURI3.assert_called_once()
    with pytest.raises(InvalidParameter, match="steer is false"):
        Guest(domain).migrate(
            params, destination="qemu+tcp://host2/system", steer=False, convergence=Convergence()
        )
