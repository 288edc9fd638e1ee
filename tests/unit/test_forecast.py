"""`forecast`: how a migration will go, before it begins."""

from __future__ import annotations

from typing import Any

import pytest

from libvirt_migrate import Convergence, Forecast, InvalidParameter, forecast

MIB = 1 << 20
#: A guest that writes to 700 MiB again and again.
BUSY = [(1.0, 690.0 * MIB), (4.0, 700.0 * MIB)]


def told(**more: Any) -> Forecast:
    return forecast(**{"memory": 2048 * MIB, "link": 400 * MIB, "dirtied": BUSY, **more})


def test_what_does_not_end_is_said_and_what_would_help() -> None:
    busy = told()
    assert not busy.ends
    assert busy.time is None
    assert busy.sure > 0.9
    assert [set(help) for help in busy.helps] == [{"max_downtime"}, {"post_copy"}, {"throttle"}]
    for help in busy.helps:
        assert told(convergence=Convergence(**help)).ends, help
    assert busy == told()
    assert busy != told(convergence=Convergence(post_copy=True))


def test_figures_have_a_range() -> None:
    moved = told(convergence=Convergence(post_copy=True))
    assert moved.post_copy
    figures = moved.to_dict()
    assert set(figures) == {name for name in dir(Forecast) if not name.startswith("_")} - {"to_dict"}
    for name in ("time", "pause", "passes", "sent"):
        least, expected, most = figures[name]
        assert 0 < least <= expected <= most, name
    assert "post_copy" in repr(moved)


def test_nothing_known_of_the_guest_is_not_sure() -> None:
    assert forecast(2048 * MIB, 400 * MIB).sure < 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": 0},
        {"link": -1},
        {"disks": float("nan")},
        {"dirtied": [(0, 1)]},
        {"convergence": Convergence.schedule()},
    ],
)
def test_what_is_no_figure_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=next(iter(wrong))):
        told(**wrong)
