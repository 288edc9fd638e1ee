"""`help`: the documents that the messages name, as they are in docs/."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..ends import Exit
from ..errors import UserError
from ..parser import build_parser, commands_of

if TYPE_CHECKING:
    from ..options import Help
    from ..terminal.output import Output

#: A document a topic, by its name.
TOPICS = Path(__file__).parent.parent / "topics"


def help(options: Help, out: Output) -> int:
    """The command. A topic may be a command, too."""
    parser = build_parser()
    commands = commands_of(parser)
    topics = sorted(path.stem for path in TOPICS.glob("*.md"))
    if options.topic is None:
        out.say(parser.format_help() + f"\ntopics of libvirt-migrate help: {', '.join(topics)}")
    elif options.topic in commands:
        commands[options.topic].print_help()
    elif options.topic in topics:
        _show((TOPICS / f"{options.topic}.md").read_text(encoding="utf-8"))
    else:
        close = difflib.get_close_matches(options.topic, [*topics, *commands], 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise UserError(f"there is no topic {options.topic!r} (there are {', '.join(topics)}){meant}")
    return Exit.DONE


def _show(text: str) -> None:
    """Markdown as it is, or set for the terminal that it goes to."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.markdown import Markdown
        except ImportError:
            pass
        else:
            Console().print(Markdown(text, hyperlinks=False))
            return
    print(text, end="", flush=True)
