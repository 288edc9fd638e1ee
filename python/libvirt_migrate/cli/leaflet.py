"""`--help` as it was made beforehand: a person who asks for it does not wait for a parser to be built.

`make pages` makes the leaflets of the parser, for 80 columns; a narrower terminal gets what the parser says.
Nothing is imported here but what every Python has loaded.
"""

from __future__ import annotations

import os
import sys

#: A file each: of the whole command, and of its commands by their names.
LEAFLETS = os.path.join(os.path.dirname(__file__), "leaflets")
WIDTH = 80


def leaflet(words: list[str]) -> str | None:
    """The help that these words ask for, and for nothing else; `None` where there is none for this width."""
    if words[-1:] not in (["--help"], ["-h"]) or len(words) > 2 or not _fits():
        return None
    name = words[0] if len(words) == 2 else "all"
    if not name.replace("-", "").isalpha() or (name == "all" and len(words) == 2):
        return None
    try:
        with open(os.path.join(LEAFLETS, f"{name}.txt"), encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _fits() -> bool:
    """Whether what is written is as wide, or nobody says how wide it is. COLUMNS goes before the terminal."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted:
        return wanted == str(WIDTH)
    try:
        return not sys.stdout.isatty() or os.get_terminal_size(sys.stdout.fileno()).columns >= WIDTH
    except (OSError, ValueError, AttributeError):
        return True


def show(text: str) -> int:
    """Writes it, in colours where those are wanted. Whoever does not read on is no error."""
    try:
        sys.stdout.write(coloured(text) if wants_colour() else text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def wants_colour() -> bool:
    """Whether standard output is a terminal that has colours, and nobody has said no."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "", "dumb")
    return not plain and sys.stdout is not None and sys.stdout.isatty()


def coloured(text: str) -> str:
    """Headings in bold, and in colours what is typed."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    words = line.lstrip()
    indent = line[: len(line) - len(words)]
    if not indent and words.startswith("usage: "):
        return f"\x1b[1musage:\x1b[0m {words[7:]}"
    if not indent and words.endswith(":"):
        return f"\x1b[1m{words}\x1b[0m"
    if indent == "  " and words.startswith("libvirt-migrate "):
        return f"{indent}\x1b[32m{words}\x1b[0m"
    # What an entry is called ends where there are two blanks, and what it is begins.
    if 2 <= len(indent) <= 4 and not words.startswith("["):
        name, gap, rest = words.partition("  ")
        if gap or words.startswith("-") or " " not in words:
            return f"{indent}\x1b[36m{name}\x1b[0m{gap}{rest}"
    return line
