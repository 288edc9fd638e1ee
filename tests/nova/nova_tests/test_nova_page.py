"""The figures of docs/nova.md that no table has are those of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libvirt_migrate.nova import adopting, monitor, overrides, place, progress, release

from .conformance.differences import REASONS

pytestmark = pytest.mark.nova

PAGE = Path(__file__).parents[3] / "docs" / "nova.md"
SERIES = {25: "Yoga", 34: "2026.2"}


@pytest.fixture
def page() -> str:
    """The page without what scripts have made, its lines joined."""
    made = re.sub(r"<!-- made by .*?<!-- until here -->", "", PAGE.read_text(), flags=re.DOTALL)
    return " ".join(made.split())


def test_the_releases_are_those_that_are_known(page: str) -> None:
    first, last = release.SUPPORTED[0], release.SUPPORTED[-1]
    assert f"It knows Nova {first} to {last} ({SERIES[first]} to {SERIES[last]})" in page


def test_the_line_at_the_start_has_as_many_overrides_as_there_are(page: str) -> None:
    count = len(overrides.plan())
    lines = re.findall(r"`libvirt-migrate \S+ moves the guests of Nova \S+: (\d+) overrides`", page)
    assert lines == [str(count)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (place.ASK_FOR, "both hosts are asked over fresh connections, for up to {:.0f} s"),
        (monitor.CONFIRM_FOR, "but the call has not returned for {:.0f} s"),
        (progress.INFO_INTERVAL, "| INFO every {:.0f} s, else DEBUG |"),
        (adopting.PATIENCE / 60, "After {:.0f} minutes, or at once where both hosts have the guest"),
        (len(REASONS), "The same {:.0f} tests differ"),
    ],
)
def test_a_figure_is_the_sources(page: str, seconds: float, text: str) -> None:
    words = {"2": "two", "6": "six"}
    said = text.format(seconds)
    in_words = re.sub(r"\b[26]\b", lambda match: words[match[0]], said)
    assert said in page or in_words in page
