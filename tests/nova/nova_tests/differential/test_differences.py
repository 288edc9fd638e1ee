"""Where we differ from Nova on purpose: each case does differ, in the way that is written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from libvirt_migrate import MigrationError

from .differences import DIFFERENCES, Difference, Result
from .sides import Move, nova, ours

pytestmark = pytest.mark.nova

DOCUMENT = Path(__file__).parents[4] / "docs" / "nova-differences.md"


def outcome(side: str, case: Difference, like: Result) -> Result:
    """What a side makes of a case, in the form of what is expected."""
    move: Move = case.move()
    run, expected = (nova, Exception) if side == "nova" else (ours, MigrationError)
    try:
        xml = run(case.step, move)
    except expected as error:
        return type(error).__name__
    tree = etree.fromstring(xml)
    paths = like if isinstance(like, dict) else {}
    return {path: _texts(tree.xpath(path)) for path in paths}


def _texts(found: object) -> list[str]:
    return [str(item) for item in found] if isinstance(found, list) else [str(found)]


@pytest.mark.parametrize("case", DIFFERENCES, ids=lambda case: f"{case.step}-{case.row}")
def test_a_difference(case: Difference) -> None:
    assert case.nova != case.ours
    assert outcome("nova", case, case.nova) == case.nova, "Nova's side"
    assert outcome("ours", case, case.ours) == case.ours, "our side"


def test_each_difference_has_its_row_in_the_documentation() -> None:
    rows = set(re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert {case.row for case in DIFFERENCES} <= rows
