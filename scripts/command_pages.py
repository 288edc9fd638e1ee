"""Makes of the command's parser docs/commands.md, the manual page, and what `--help` shows.

With `--check` it says whether they are as they should be.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from libvirt_migrate.cli.parser import PROGRAM, build_parser, commands_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "commands.md"
MANUAL = ROOT / "packaging" / "wheel" / "data" / "share" / "man" / "man1" / f"{PROGRAM}.1"
LEAFLETS = ROOT / "python" / "libvirt_migrate" / "cli" / "leaflets"

_HEAD = f"""# Commands and options

What `{PROGRAM} COMMAND --help` says; [cli.md](cli.md) tells how they are used. `make pages` makes this page.
"""


def _words(text: str) -> str:
    """As Markdown in a table."""
    return re.sub(r"([|<>*_{}\[\]])", r"\\\1", text)


def _named(action: argparse.Action) -> str:
    """How it is typed."""
    value = action.metavar or (f"{{{','.join(action.choices)}}}" if action.choices else action.dest.upper())
    if not action.option_strings:
        return f"`{value}`"
    return ", ".join(
        f"`{name}`" if action.nargs == 0 else f"`{name} {value}`" for name in action.option_strings
    )


def _tables(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table for each group of arguments."""
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.help is not argparse.SUPPRESS]
        if actions:
            title = {"positional arguments": "arguments"}.get(group.title or "", group.title or "")
            yield f"| {title} | |\n| --- | --- |"
            for action in actions:
                yield f"| {_named(action).replace('|', chr(92) + '|')} | {_words(action.help or '')} |"
            yield ""


def page() -> str:
    """docs/commands.md."""
    lines = [_HEAD]
    for name, parser in commands_of(build_parser()).items():
        lines += [f"## {name}", "", parser.description or "", ""]
        lines += list(_tables(parser))
        if parser.epilog:
            lines += ["```text", *(line.strip() for line in parser.epilog.splitlines()[1:]), "```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def manual() -> str:
    """The manual page. It has no date, and no version: a release would change it."""
    words = {"module": "libvirt_migrate.cli.parser", "function": "build_parser"}
    words |= {"format": "single-commands-section", "manual-title": "User Commands", "project-name": PROGRAM}
    words |= {"prog": PROGRAM, "description": "live migration for libvirt"}
    options = [f"--{name}={value}" for name, value in words.items()]
    surroundings: dict[str, Any] = {**os.environ, "COLUMNS": "80", "SOURCE_DATE_EPOCH": "0", "NO_COLOR": "1"}
    program = Path(sys.executable).parent / "argparse-manpage"
    made = subprocess.run([program, *options], capture_output=True, text=True, check=True, env=surroundings)
    # What the tool calls its chapters is not what people look for.
    text = re.sub(r'^(\.TH \S+ "1") "[^"]*"', r'\1 ""', made.stdout)
    text = re.sub(r"^\.SH\nPOSITIONAL ARGUMENTS$", ".SH COMMANDS", text, flags=re.MULTILINE)
    text = re.sub(r"^\.SH COMMENTS$", ".SH EXAMPLES AND EXIT CODES\n.nf", text, flags=re.MULTILINE)
    return re.sub(r"^(usage: (?:.+\n)+)", r".nf\n\1.fi\n", text, flags=re.MULTILINE)


def leaflets() -> dict[Path, str]:
    """The text of --help, by its file."""
    os.environ["COLUMNS"] = "80"
    parser = build_parser()
    return {
        LEAFLETS / f"{name}.txt": each.format_help()
        for name, each in {"all": parser, **commands_of(parser)}.items()
    }


def main() -> int:
    """The exit code."""
    made = {PAGE: page(), MANUAL: manual(), **leaflets()}
    if "--check" in sys.argv:
        return int(any(not path.exists() or path.read_text() != text for path, text in made.items()))
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
