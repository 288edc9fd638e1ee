"""The plot of a migration as SVG, built as XML, so that no name of a guest can break it.

Three panels over one time line: what is left; throughput and dirty rate; the expected pause and its limit.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..terminal.values import show_rate, show_size, show_time
from .axis import Scale, beside, ceiling, ticks

if TYPE_CHECKING:
    from .record import Record

#: The plot of a page, and of a phone's.
WIDTH, NARROW = 960, 400
LEFT, RIGHT, TOP = 92, 24, 78
PANEL, GAP, BOTTOM = 132, 44, 34
_Points = list[tuple[float, float | None]]

#: Light and dark; each line is told apart by its dashes as well as by its colour.
STYLE = """
svg { background: #ffffff; font: 13px system-ui, sans-serif; }
text { fill: #24292f; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.dim { fill: #57606a; font-size: 12px; } .title { font-size: 17px; font-weight: 600; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.a { stroke: #0969da; } .line.b { stroke: #bc4c00; stroke-dasharray: 6 4; stroke-linecap: butt; }
text.a { fill: #0969da; } text.b { fill: #bc4c00; }
.mark { fill: none; stroke: #8250df; stroke-width: 1; stroke-dasharray: 2 3; } .dot { fill: #8250df; }
.dottext { fill: #ffffff; stroke: none; font-size: 11px; font-weight: 600; }
.pause { fill: #cf222e; opacity: 0.28; } .pausetext { fill: #cf222e; font-size: 12px; }
.past { font-size: 12px; }
@media screen and (prefers-color-scheme: dark) {
  svg { background: #0d1117; } text { fill: #e6edf3; stroke: #0d1117; } .dim { fill: #9198a1; }
  .grid { stroke: #30363d; } .line.a { stroke: #58a6ff; } .line.b { stroke: #f0883e; }
  text.a { fill: #58a6ff; } text.b { fill: #f0883e; }
  .mark { stroke: #bc8cff; } .dot { fill: #bc8cff; } .dottext { fill: #0d1117; stroke: none; }
  .pause { fill: #ff7b72; } .pausetext { fill: #ff7b72; }
}
"""


@dataclass(frozen=True)
class Panel:
    """One of the panels: one or two lines over time."""

    show: Callable[[float | None], str]
    lines: list[tuple[str, _Points]]
    binary: bool = True


def panels(record: Record) -> list[Panel]:
    """What is drawn."""
    samples = record.samples
    left: _Points = [
        (s.elapsed, s.memory_remaining + s.disk_remaining) for s in samples if s.phase != "setup"
    ]
    sent: _Points = [(s.elapsed, s.throughput) for s in samples]
    dirty: _Points = [(s.elapsed, s.dirty_rate) for s in samples]
    pause: _Points = [(s.elapsed, s.expected_downtime) for s in samples]
    return [
        Panel(show_size, [("left to move", left)]),
        Panel(show_rate, [("throughput", sent), ("dirtied by the guest", dirty)]),
        Panel(show_time, [("expected pause", pause), ("limit", _steps(record))], binary=False),
    ]


def _steps(record: Record) -> _Points:
    """The limit holds until the next one."""
    points: _Points = []
    for index, (at, limit) in enumerate(record.limits):
        until = record.limits[index + 1][0] if index + 1 < len(record.limits) else record.total_time
        points += [(at, limit), (max(at, until), limit)]
    return points


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: object) -> None:
    names = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    ElementTree.SubElement(parent, tag, names).text = text


def plot(record: Record, width: int = WIDTH) -> str:
    """The SVG document. A narrow one has no headline, which the page about it has."""
    drawn = panels(record)
    height = TOP + len(drawn) * (PANEL + GAP) - GAP + BOTTOM
    top = 0 if width == WIDTH else 28
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 {top} {width} {height - top}", role="img"
    )
    _add(root, "title", f"The migration of {record.name}")
    _add(root, "style", STYLE)
    if not top:
        _add(root, "text", f"{record.name}: {headline(record)}", x=LEFT, y=24, class_="title")
    seconds = max([record.total_time, *(sample.elapsed for sample in record.samples), 0.1])
    time = Scale(seconds, LEFT, width - RIGHT)
    foot = TOP + len(drawn) * (PANEL + GAP) - GAP
    _pause(root, record, time, foot)
    _lines(root, record, time, foot)
    for index, panel in enumerate(drawn):
        _panel(root, panel, time, TOP + index * (PANEL + GAP))
    for tick in ticks(seconds, width // 110):
        if tick <= seconds:
            _add(root, "text", f"{tick:g} s", x=time(tick), y=foot + 20, class_="dim", text_anchor="middle")
    _marks(root, record, time)
    return ElementTree.tostring(root, encoding="unicode")


def headline(record: Record) -> str:
    """The end in a few words."""
    pause = "" if record.downtime is None else f", paused for {show_time(record.downtime)}"
    if record.message is None:
        return f"moved in {show_time(record.total_time)}{pause}"
    return f"{record.result} after {show_time(record.total_time)}{pause}"


def _panel(root: ElementTree.Element, panel: Panel, time: Scale, top: float) -> None:
    values = [value for _, points in panel.lines for _, value in points if value is not None]
    steps = ticks(ceiling(values), 4, binary=panel.binary)
    scale = Scale(steps[-1], top + PANEL, top)
    for step in steps:
        y = scale(step)
        _add(root, "line", x1=LEFT, x2=time.end, y1=y, y2=y, class_="grid")
        _add(root, "text", panel.show(step), x=LEFT - 8, y=y + 4, class_="dim", text_anchor="end")
    x = LEFT
    for kind, (name, points) in zip("ab", panel.lines, strict=False):
        _add(root, "line", x1=x, x2=x + 22, y1=top - 12, y2=top - 12, class_=f"line {kind}")
        _add(root, "text", name, x=x + 28, y=top - 8, class_=kind)
        x += 60 + 8 * len(name)
        for part in _parts(points):
            drawn = " ".join(f"{time(at)},{scale(value)}" for at, value in part)
            _add(root, "polyline", points=drawn, class_=f"line {kind}")
        _past(root, panel, [(at, value) for at, value in points if value is not None], time, scale, kind)


def _past(
    root: ElementTree.Element,
    panel: Panel,
    points: list[tuple[float, float]],
    time: Scale,
    scale: Scale,
    kind: str,
) -> None:
    """Says how high a spike is that goes past the axis."""
    at, value = max(points, key=lambda point: point[1], default=(0.0, 0.0))
    if value > scale.top:
        x, anchor = time(at), "end" if time(at) > (time.start + time.end) / 2 else "start"
        _add(
            root,
            "text",
            f"\u25b2 {panel.show(value)}",
            x=x,
            y=scale.end + 15,
            class_=f"past {kind}",
            text_anchor=anchor,
        )


def _parts(points: _Points) -> list[list[tuple[float, float]]]:
    """The line without the stretches in which nothing is known."""
    parts: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None:
            parts.append([])
        else:
            parts[-1].append((at, value))
    return [part for part in parts if part]


def _pause(root: ElementTree.Element, record: Record, time: Scale, foot: float) -> None:
    if record.switchover is None or record.downtime is None:
        return
    x = time(record.switchover)
    width = max(2.0, time(record.switchover + record.downtime) - x)
    _add(root, "rect", x=x, y=TOP, width=round(width, 1), height=foot - TOP, class_="pause")
    text, near = f"paused {show_time(record.downtime)}", x - LEFT < 140
    at, anchor = (x + width + 4, "start") if near else (x - 4, "end")
    _add(root, "text", text, x=round(at, 1), y=TOP + 14, class_="pausetext", text_anchor=anchor)


def _lines(root: ElementTree.Element, record: Record, time: Scale, foot: float) -> None:
    """A line where each decision was taken, below everything that is written."""
    for x, place in _places(record, time):
        _add(root, "polyline", points=f"{place},{TOP - 27} {x},{TOP - 18} {x},{foot}", class_="mark")


def _marks(root: ElementTree.Element, record: Record, time: Scale) -> None:
    """A numbered mark for each decision; the page's table has the numbers."""
    for number, (decision, (_, place)) in enumerate(
        zip(record.decisions, _places(record, time), strict=True), 1
    ):
        group = ElementTree.SubElement(root, "g")
        _add(group, "title", f"{decision.at:.1f} s: {decision}")
        _add(group, "circle", cx=place, cy=TOP - 36, r=9, class_="dot")
        _add(group, "text", str(number), x=place, y=TOP - 32, class_="dottext", text_anchor="middle")


def _places(record: Record, time: Scale) -> list[tuple[float, float]]:
    """Of each decision its line and its mark; marks that are close stand beside each other."""
    lines = [time(decision.at) for decision in record.decisions]
    return list(zip(lines, beside(lines, 19, time.end + 12), strict=True))
