"""The page of a migration and of a drain: on a phone, on a screen, and printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.test_report import decision, record
from helpers.browser import measured, printed
from libvirt_migrate.cli.report.many import page as page_of_many
from libvirt_migrate.cli.report.page import page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

#: As long as names get.
NAME = "instance-0000beef-of-the-department-of-transport"
ROUTE = "from qemu+tls://compute-017.rack-3.example.org/system to qemu+tls://compute-018.rack-3.example.org/system"
DECISIONS = [
    decision(1.0, "allow a pause of 90 ms"),
    decision(4.1, "switch to post-copy", error="the daemon does not answer"),
]
ONE = page(record(name=NAME, route=ROUTE, decisions=DECISIONS))
MANY = page_of_many(
    "Drain of qemu+tls://compute-017.rack-3.example.org/system",
    [record(name=f"web-{index}", route=ROUTE, moved=70 << 20) for index in range(3)],
    {"db": "a check failed: storage: /var/lib/libvirt/images/db.qcow2 is not there"},
    12.0,
)
#: What sticks out at the right, by its text; how large the smallest letters of the plots are, px; and which
#: of their texts are cut off.
ASKED = """(() => {
  const edge = page.documentElement.clientWidth, plots = [...page.querySelectorAll("svg")].filter(plot =>
    plot.getBoundingClientRect().width)
  const cut = (plot, text) => text.x < 0 || text.x + text.width > plot.viewBox.baseVal.width + 1
  return {
    wide: page.documentElement.scrollWidth - edge,
    out: [...page.querySelectorAll("body *")].filter(part => !part.closest("svg")
      && part.getBoundingClientRect().right > edge + 1).map(part => part.textContent.slice(0, 40)),
    letters: plots.map(plot => 12 * plot.getBoundingClientRect().width / plot.viewBox.baseVal.width),
    cut: plots.flatMap(plot => [...plot.querySelectorAll("text")].filter(text => cut(plot, text.getBBox()))
      .map(text => text.textContent)),
  }
})()"""


@pytest.mark.parametrize(("text", "plots"), [(ONE, 1), (MANY, 3)], ids=["one", "many"])
def test_nothing_sticks_out_and_the_plot_can_be_read(text: str, plots: int, tmp_path: Path) -> None:
    for seen in measured(text, [360, 390, 700, 1200], ASKED, tmp_path):
        assert (seen["wide"], seen["out"], seen["cut"]) == (0, [], [])
        # One plot of each: the one for this width.
        assert len(seen["letters"]) == plots
        assert min(seen["letters"]) > 8


def test_it_is_whole_on_paper(tmp_path: Path) -> None:
    (first, *more) = printed(ONE, tmp_path)
    assert len(more) <= 1
    assert NAME in first
    # One plot, and what belongs to it is on its sheet.
    assert first.count("left to move") == 1
    assert "Over time" in first
    sheets = printed(MANY, tmp_path)
    assert all(sheet.count("Over time") == sheet.count("left to move") for sheet in sheets), sheets
    assert sum(sheet.count("left to move") for sheet in sheets) == 3
