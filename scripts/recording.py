"""Records a live migration in the lab as docs/migrate.svg, a terminal that plays wherever pictures are shown.

Where nothing changes for long, on a busy machine, the picture goes on sooner.
"""

from __future__ import annotations

import fcntl
import html
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

import pyte

from libvirt_migrate.lab import Lab, Workload

PICTURE = Path(__file__).parents[1] / "docs" / "migrate.svg"
COLUMNS, ROWS = 100, 8
#: Of a letter, px.
WIDTH, HEIGHT = 8.4, 18
#: How long typing and the end are shown, s; and how far apart frames are at least, and at most.
TYPED, SHOWN, APART, IDLE = 0.03, 6.0, 0.15, 1.5
WORDS = "migrate vm1 qemu+tcp://host2/system --set graphics.listen={host} --post-copy"
#: The link is as slow as the guest is busy, or there would be little to see; --from is the shell's own host.
ALSO = ("--from", "qemu+tcp://host1/system", "--bandwidth", "40")
COLOURS = {"green": "#7ee787", "red": "#ff7b72", "brown": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff"}
COLOURS |= {"cyan": "#76e3ea", "default": "#e6edf3", "black": "#8b949e"}

#: A row: runs of text, each with a colour and whether it is bold.
Row = tuple[tuple[str, str, bool], ...]
#: When it is seen first, and its rows.
Frame = tuple[float, tuple[Row, ...]]


def row(screen: pyte.Screen, number: int) -> Row:
    """A row of the screen, without the blanks at its end."""
    runs: list[tuple[str, str, bool]] = []
    for column in range(COLUMNS):
        cell = screen.buffer[number][column]
        colour = COLOURS.get(cell.fg, f"#{cell.fg}" if len(cell.fg) == 6 else COLOURS["default"])
        if runs and runs[-1][1:] == (colour, cell.bold):
            runs[-1] = (runs[-1][0] + cell.data, colour, cell.bold)
        else:
            runs.append((cell.data, colour, cell.bold))
    while runs and not runs[-1][0].strip():
        runs.pop()
    return tuple(runs)


def typing(screen: pyte.Screen, stream: pyte.Stream) -> list[Frame]:
    """The command as it is typed."""
    frames: list[Frame] = []
    stream.feed("\x1b[1;32m$\x1b[0m ")
    for index, letter in enumerate(f"libvirt-migrate {WORDS}"):
        stream.feed(letter)
        if index % 3 == 2:
            frames.append((index * TYPED, look(screen)))
    stream.feed("\r\n")
    return frames


def look(screen: pyte.Screen) -> tuple[Row, ...]:
    """The screen as it is."""
    return tuple(row(screen, number) for number in range(ROWS))


def record(words: list[str]) -> list[Frame]:
    """What is seen of a command."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    frames = typing(screen, stream)
    begun = frames[-1][0] + 0.3
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.execvpe(words[0], words, {**os.environ, "TERM": "xterm-256color"})  # noqa: S606
    start = time.monotonic()
    while True:
        if select.select([terminal], [], [], APART)[0]:
            try:
                stream.feed(os.read(terminal, 65536).decode())
            except OSError:
                break
        at = begun + time.monotonic() - start
        if at - frames[-1][0] >= APART and look(screen) != frames[-1][1]:
            frames.append((at, look(screen)))
    _, status = os.waitpid(process, 0)
    if status:
        raise SystemExit(f"the command ended with {os.waitstatus_to_exitcode(status)}: {screen.display}")
    frames.append((begun + time.monotonic() - start, look(screen)))
    return sooner(frames)


def sooner(frames: list[Frame]) -> list[Frame]:
    """The same without what is idle."""
    saved, last, seen = 0.0, 0.0, []
    for at, rows in frames:
        saved += max(0.0, at - last - IDLE)
        last = at
        seen.append((at - saved, rows))
    return seen


def picture(frames: list[Frame]) -> str:
    """The SVG: all frames below each other, in a window that goes from one to the next."""
    end = frames[-1][0] + SHOWN
    wide, high = round(COLUMNS * WIDTH + 24), ROWS * HEIGHT + 24
    steps = "".join(
        f"{100 * at / end:.2f}%{{transform:translateY(-{index * high}px)}}"
        for index, (at, _) in enumerate(frames)
    )
    last = f"transform:translateY(-{(len(frames) - 1) * high}px)"
    known: dict[Row, str] = {}
    drawn = []
    for index, (_, rows) in enumerate(frames):
        for number, each in enumerate(rows):
            if each:
                name = known.setdefault(each, f"r{len(known)}")
                drawn.append(f'<use href="#{name}" y="{index * high + number * HEIGHT}"/>')
    texts = "".join(f'<text id="{name}" x="12" y="25">{_spans(each)}</text>' for each, name in known.items())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" role="img">
<title>A guest moves to another host, in a terminal</title>
<style>
text {{ font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, monospace; white-space: pre; fill: #e6edf3 }}
.all {{ {last}; animation: play {end:.1f}s step-end infinite }}
@media (prefers-reduced-motion) {{ .all {{ animation: none }} }}
@keyframes play {{ {steps} 100%{{{last}}} }}
</style>
<rect width="{wide}" height="{high}" rx="8" fill="#0d1117"/>
<defs>{texts}</defs>
<svg width="{wide}" height="{high}"><g class="all">{"".join(drawn)}</g></svg>
</svg>
"""


def _spans(each: Row) -> str:
    parts, column = [], 0
    for text, colour, bold in each:
        weight = ' font-weight="bold"' if bold else ""
        fill = "" if colour == COLOURS["default"] else f' fill="{colour}"'
        # As wide as it is in a terminal, whatever the font.
        place = f'x="{12 + column * WIDTH:.1f}" textLength="{len(text) * WIDTH:.1f}"'
        parts.append(f"<tspan {place}{fill}{weight}>{html.escape(text)}</tspan>")
        column += len(text)
    return "".join(parts)


def main() -> None:
    """Moves a guest that writes more than its link carries, and draws what is seen of it."""
    name = f"recording-{os.getpid()}"
    with Lab(name) as lab:
        lab.start_guest("vm1", memory=400, workload=Workload(working_set=150, rest=1))
        shell = [sys.executable, "-m", "libvirt_migrate.lab", "shell", "--name", name, "--"]
        frames = record([*shell, sys.executable, "-m", "libvirt_migrate.cli", *WORDS.split(), *ALSO])
    PICTURE.write_text(picture(frames))


if __name__ == "__main__":
    main()
