"""Lines as wide as a terminal: broken between words, and never inside a figure."""

from __future__ import annotations

import re
import textwrap

#: The space between a number and its unit, or between the parts of a time.
_INSIDE = re.compile(
    r"""(?<=\d)[ ](?=(?:ms|s|min|h|B|[KMG]iB|%|pass(?:es)?)(?!\w))
    | (?<=\d[ ]h)[ ](?=\d) | (?<=\d[ ]min)[ ](?=\d)""",
    re.VERBOSE,
)
#: A command that is to be typed: with a line break in it nobody could copy it.
_COMMAND = re.compile(r"(?<=: )libvirt-migrate .*")
#: Does not break a line for textwrap, and stands for a space until it is broken.
_NO_BREAK = "\u00a0"
#: Indentation and the time of a decision, which the lines below are set under.
_HEAD = re.compile(r" *(?:\d+(?:\.\d+)? s  )?")


def wrapped(text: str, width: int) -> str:
    """The text with line breaks, so that no line is wider than this. Those below the first are indented."""
    if len(text) <= width:
        return text
    head = _HEAD.match(text)
    hang = min(max(len(head[0]) if head else 0, 2), max(width // 3, 2))
    kept = _INSIDE.sub(_NO_BREAK, text)
    kept = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), kept)
    lines = textwrap.wrap(
        kept,
        width,
        subsequent_indent=" " * hang,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        expand_tabs=False,
    )
    return "\n".join(lines).replace(_NO_BREAK, " ")
