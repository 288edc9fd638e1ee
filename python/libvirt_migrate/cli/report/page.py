"""The page of a migration: the plot, and what it has no room for. One file, which loads nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..terminal.places import PLACES
from ..terminal.values import show_passes, show_size, show_time
from .plot import NARROW, plot

if TYPE_CHECKING:
    from .record import Record

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 980px; margin: 1.5rem auto; padding: 0 1rem;
  background: #ffffff; color: #24292f; }}
h1 {{ font-size: 1.3rem; }} h2 {{ font-size: 1.05rem; margin-top: 1.6rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: 0.25rem 0.8rem 0.25rem 0;
  border-bottom: 1px solid #d8dee4; }}
.facts th {{ width: 8rem; font-weight: 600; }} .tight {{ white-space: nowrap; }}
h1, .facts td {{ overflow-wrap: anywhere; }} .scroll {{ overflow-x: auto; }}
h1, h2, h3 {{ break-after: avoid; }} tr, .figure {{ break-inside: avoid; }}
.narrow {{ display: none; }} .figure svg {{ display: block; width: 100%; }}
.bad {{ color: #cf222e; overflow-wrap: anywhere; }}
@media screen and (max-width: 640px) {{
  .wide {{ display: none; }} .narrow {{ display: block; }}
  h1 {{ font-size: 1.1rem; }} .scroll table {{ font-size: 0.85rem; }}
  th, td {{ padding-right: 0.4rem; }} .facts th {{ width: 4.5rem; }}
}}
@media screen and (prefers-color-scheme: dark) {{
  body {{ background: #0d1117; color: #e6edf3; }} th, td {{ border-color: #30363d; }}
  .bad {{ color: #ff7b72; }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(record: Record) -> str:
    """The HTML document."""
    return document(f"Migration of {record.name}", section(record, 2))


def document(title: str, body: str) -> str:
    """A document with this title, which is text, and this body, which is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def section(record: Record, level: int) -> str:
    """All about one migration, with headings of this level."""
    return f"""<table class="facts">
{_facts(record)}
</table>
<h{level}>Over time</h{level}>
<div class="figure wide">{plot(record)}</div>
<div class="figure narrow">{plot(record, NARROW)}</div>
<h{level}>Decisions</h{level}>
{_decisions(record)}"""


def _facts(record: Record) -> str:
    pause = "not known" if record.downtime is None else show_time(record.downtime)
    rows = [
        ("Route", record.route),
        ("Began", record.began),
        ("Guest", PLACES.get(record.location, record.location)),
        ("Time", show_time(record.total_time)),
        ("Pause", pause),
        ("Sent", f"{show_size(record.moved)} in {show_passes(record.iterations)} over the memory"),
        ("Wanted", record.intent),
    ]
    if record.message is not None:
        rows.insert(0, (record.result.capitalize(), record.message))
    bad = {"Failed": ' class="bad"'}
    return "\n".join(
        f"<tr><th>{name}</th><td{bad.get(name, '')}>{escape(text)}</td></tr>" for name, text in rows
    )


def _decisions(record: Record) -> str:
    if not record.decisions:
        return "<p>None: it came to its end by itself.</p>"
    rows = ["<tr><th>#</th><th>After</th><th>What</th><th>Why</th></tr>"]
    for number, decision in enumerate(record.decisions, 1):
        failed = f'<br><span class="bad">failed: {escape(decision.error)}</span>' if decision.error else ""
        rows.append(
            f'<tr><td>{number}</td><td class="tight">{decision.at:.1f} s</td>'
            f"<td>{escape(decision.description)}</td><td>{escape(decision.reason)}{failed}</td></tr>"
        )
    return "<table>\n" + "\n".join(rows) + "\n</table>"
