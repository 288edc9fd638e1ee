"""Pages in a real browser, without a window: how they are laid out at a width, and on paper."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: A page that has the other one in frames of some widths, asks each something, and becomes the answers.
_FRAMES = """<!doctype html><meta charset="utf-8">{frames}
<script>addEventListener("load", () => {{
  const ask = frame => {{ const page = frame.document; return ({asked}) }}
  const answers = [...document.querySelectorAll("iframe")].map(each => ask(each.contentWindow))
  document.body.innerHTML = "<pre>" + JSON.stringify(answers).replaceAll("<", "&lt;") + "</pre>"
}})</script>"""
_FRAME = '<iframe srcdoc="{page}" style="width: {width}px; height: 3000px; border: 0"></iframe>'


def chromium(folder: Path, *words: str, timeout: float = 150) -> str:
    """What Chromium prints when it is run with these options, with a profile of its own in this folder."""
    always = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    done = subprocess.run(
        ["chromium", *always, f"--user-data-dir={folder / 'profile'}", *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=timeout,
    )
    return done.stdout


def measured(page: str, widths: Sequence[int], asked: str, folder: Path) -> list[Any]:
    """At each of these widths in pixels the value of a JavaScript expression of `page`, the document."""
    outer = folder / "frames.html"
    frames = "".join(_FRAME.format(page=html.escape(page), width=width) for width in widths)
    outer.write_text(_FRAMES.format(frames=frames, asked=asked), encoding="utf-8")
    shown = chromium(folder, "--dump-dom", outer.as_uri())
    (answers,) = re.findall(r"<pre>(.*?)</pre>", shown, re.DOTALL)
    return list(json.loads(html.unescape(answers)))


def printed(page: str, folder: Path) -> list[str]:
    """The text of each sheet of paper."""
    source, paper = folder / "printed.html", folder / "printed.pdf"
    source.write_text(page, encoding="utf-8")
    chromium(folder, f"--print-to-pdf={paper}", "--no-pdf-header-footer", source.as_uri())
    text = subprocess.run(
        ["pdftotext", "-layout", paper, "-"], capture_output=True, text=True, check=True, timeout=60
    )
    return text.stdout.split("\f")[:-1]
