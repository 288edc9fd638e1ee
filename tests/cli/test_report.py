"""The page of a migration: well-formed whatever the guest is called, and true to the samples."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libvirt_migrate.cli.report.axis import Scale, beside, ceiling, ticks
from libvirt_migrate.cli.report.page import page
from libvirt_migrate.cli.report.plot import LEFT, NARROW, PANEL, RIGHT, WIDTH, plot
from libvirt_migrate.cli.report.record import Record

SVG = "{http://www.w3.org/2000/svg}"
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)


def sample(elapsed: float, **more: Any) -> Any:
    fields = {"phase": "memory", "memory_remaining": 1 << 20, "disk_remaining": 0, "throughput": 1e6}
    fields |= {"dirty_rate": None, "expected_downtime": 0.2}
    return SimpleNamespace(elapsed=elapsed, **{**fields, **more})


class FakeDecision(SimpleNamespace):
    def __str__(self) -> str:
        return f"{self.description}: {self.reason}"


def decision(at: float, what: str = "pause", error: str | None = None) -> Any:
    return FakeDecision(at=at, description=what, reason=f"because {what}", error=error, max_downtime=None)


def record(**more: Any) -> Record:
    fields: dict[str, Any] = {
        "name": "vm1",
        "route": "from qemu+tcp://host1/system to qemu+tcp://host2/system",
        "began": "2026-11-25 09:30:00 +0000",
        "samples": [sample(index / 10) for index in range(50)],
        "decisions": [decision(1.0), decision(1.1)],
        "switchover": 4.0,
        "total_time": 5.0,
        "downtime": 0.5,
        "moved": 1 << 30,
        "iterations": 4,
        "location": "destination-running",
        "result": "moved",
        "message": None,
        "intent": "a pause of at most 500 ms",
        "limits": [(0.0, 0.3), (2.0, 0.45)],
    }
    return Record(**{**fields, **more})


def find(document: str, tag: str, kind: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(document)  # noqa: S314 - made here
    return [element for element in root.iter(SVG + tag) if kind in element.get("class", "").split()]


@given(NAMES, NAMES)
def test_no_name_and_no_reason_breaks_the_page(name: str, reason: str) -> None:
    made = record(name=name, message=reason, decisions=[decision(1.0, reason, error=name)])
    root = ElementTree.fromstring(plot(made))  # noqa: S314 - made here
    assert name in (root.findtext(f"{SVG}title") or "")
    assert "<script" not in page(
        record(name="<script>", message="<script>", decisions=[decision(1, "<script>")])
    )


def test_the_pause_is_where_it_was() -> None:
    (pause,) = find(plot(record()), "rect", "pause")
    second = (WIDTH - LEFT - RIGHT) / 5.0
    assert float(pause.get("x", "0")) == pytest.approx(LEFT + 4 * second, abs=0.2)
    assert float(pause.get("width", "0")) == pytest.approx(0.5 * second, abs=0.2)
    assert not find(plot(record(downtime=None)), "rect", "pause")


def test_each_decision_has_its_mark_and_its_number() -> None:
    document = plot(record())
    second = (WIDTH - LEFT - RIGHT) / 5.0
    marks = [
        float(mark.get("points", "").split()[-1].split(",")[0]) for mark in find(document, "polyline", "mark")
    ]
    assert marks == pytest.approx([LEFT + second, LEFT + 1.1 * second], abs=0.2)
    assert [text.text for text in find(document, "text", "dottext")] == ["1", "2"]
    centres = [float(dot.get("cx", "0")) for dot in find(document, "circle", "dot")]
    assert centres[1] - centres[0] >= 18, "the numbers do not cover each other"


def test_what_is_not_known_is_not_drawn() -> None:
    samples = [sample(0, throughput=None), sample(1), sample(2), sample(3, throughput=None), sample(4)]
    lines = find(plot(record(samples=samples)), "polyline", "a")
    # left to move, throughput in two parts, the expected pause
    assert [len(line.get("points", "").split()) for line in lines] == [5, 2, 1, 5]


def test_a_spike_leaves_the_rest_its_height_and_is_told() -> None:
    def drawn(spike: float) -> str:
        return plot(
            record(samples=[sample(at / 10, throughput=spike if at == 43 else 2e7) for at in range(50)])
        )

    assert find(drawn(2e9), "text", "past")[0].text == "▲ 1.9 GiB/s"
    assert not find(drawn(2.1e7), "text", "past")
    line = find(drawn(2e9), "polyline", "a")[1].get("points", "")
    usual, spike = (float(line.split()[at].split(",")[1]) for at in (0, 43))
    assert 0 < usual - spike < PANEL / 2


def test_an_axis_ends_below_a_spike_only() -> None:
    assert ceiling([]) == 0
    assert ceiling([1.0, 100.0]) == 100, "two samples say nothing of what is usual"
    assert ceiling([1.0] * 19 + [100.0]) == 1
    assert ceiling([1.0] * 19 + [2.0]) == 2
    assert ceiling([1.0] * 30 + [100.0] * 10) == 100, "that is a level"
    assert ceiling([0.0] * 39 + [5.0]) == 5


def test_the_narrow_plot_has_the_same_points_closer_together() -> None:
    wide, narrow = plot(record()), plot(record(), NARROW)
    counts = [
        [len(line.get("points", "").split()) for line in find(text, "polyline", "a")]
        for text in (wide, narrow)
    ]
    assert counts[0] == counts[1]
    assert max(float(g.get("x2", "0")) for g in find(narrow, "line", "grid")) == NARROW - RIGHT


def test_a_failure_says_so() -> None:
    text = page(record(message="a reason", result="failed", location="source-running", downtime=None))
    assert '<th>Failed</th><td class="bad">a reason</td>' in text
    assert "the guest runs at the source" in text
    assert "vm1: failed after 5.0 s" in text


def test_nothing_is_loaded_and_both_schemes_are_there() -> None:
    text = page(record())
    addresses = set(re.findall(r"https?://[^\s\"']+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert text.count("prefers-color-scheme: dark") == 3
    assert not re.search(r"<(script|link|img|iframe)|@import|url\(", text)


def test_an_empty_migration_is_drawn_too() -> None:
    made = record(samples=[], decisions=[], switchover=None, downtime=None, total_time=0.0)
    assert find(plot(made), "line", "grid")


@given(st.lists(st.floats(90, 940), max_size=40).map(sorted))
def test_marks_stand_beside_each_other_and_within(places: list[float]) -> None:
    moved = beside(places, 19, 948)
    assert all(after - before >= 18.9 for before, after in itertools.pairwise(moved))
    assert all(place <= 948 for place in moved)
    if all(after - before >= 19 for before, after in itertools.pairwise(places)):
        assert moved == pytest.approx(places, abs=0.06)


@given(st.floats(min_value=1e-6, max_value=1e15), st.booleans())
def test_ticks_are_few_even_and_reach_the_top(top: float, binary: bool) -> None:
    steps = ticks(top, 4, binary=binary)
    assert steps[0] == 0
    assert steps[-1] >= top * (1 - 1e-6)
    assert 2 <= len(steps) <= 6
    assert steps[-1] <= top * 4


@given(st.floats(allow_nan=False), st.floats(min_value=1e-3, max_value=1e9))
def test_nothing_is_drawn_outside(value: float, top: float) -> None:
    assert 10 <= Scale(top, 10, 20)(value) <= 20
