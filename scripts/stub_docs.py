"""Puts the native module's docstrings into its stubs, where editors and the reference read them.

It writes python/libvirt_migrate/_core.pyi anew; with `--check` it says whether that would change it.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from pathlib import Path

from libvirt_migrate import _core

STUBS = Path(__file__).parents[1] / "python" / "libvirt_migrate" / "_core.pyi"
_Documented = ast.ClassDef | ast.FunctionDef


def docstring(owner: object, node: _Documented) -> str | None:
    """The module's own of what the node is a stub of. Methods that Python defines have theirs from Python."""
    if node.name.startswith("__"):
        return None
    found = inspect.getattr_static(owner, node.name, None)
    if isinstance(found, staticmethod):
        found = found.__func__
    text = getattr(found, "__doc__", None)
    return inspect.cleandoc(text) if text else None


def quoted(text: str, indent: str) -> list[str]:
    """The lines of a docstring."""
    assert '"""' not in text
    raw = "r" if "\\" in text else ""
    lines = f'{raw}"""{text}\n"""'.splitlines() if "\n" in text else [f'{raw}"""{text}"""']
    return textwrap.indent("\n".join(lines), indent, lambda line: bool(line.strip())).splitlines()


def documented(source: str) -> str:
    """The stubs with the module's docstrings, and no others."""
    lines = source.splitlines()
    edits: list[tuple[int, int, list[str]]] = []

    def visit(body: list[ast.stmt], owner: object) -> None:
        for node in body:
            # What is only here, such as a protocol, keeps what it says.
            if not isinstance(node, _Documented) or not hasattr(owner, node.name):
                continue
            edits.append(edit(node, docstring(owner, node), lines))
            if isinstance(node, ast.ClassDef) and (inner := getattr(owner, node.name, None)):
                visit(node.body, inner)

    visit(ast.parse(source).body, _core)
    for start, end, new in sorted(edits, reverse=True):
        lines[start:end] = new
    return "\n".join(lines) + "\n"


def edit(node: _Documented, text: str | None, lines: list[str]) -> tuple[int, int, list[str]]:
    """What to put in place of which lines."""
    first = node.body[0]
    has = ast.get_docstring(node) is not None
    indent = " " * (node.col_offset + 4)
    if isinstance(node, ast.ClassDef):
        start = first.lineno - 1
        if not has and isinstance(first, ast.FunctionDef) and first.decorator_list:
            start = first.decorator_list[0].lineno - 1
        return start, (first.end_lineno or 0) if has else start, quoted(text, indent) if text else []
    end = node.body[-1].end_lineno or 0
    start = first.lineno - 1
    if has:
        return start, end, quoted(text, indent) if text else [indent + "..."]
    if text is None:
        return end, end, []
    # `def name() -> None: ...`
    head = lines[start].rstrip().removesuffix("...").rstrip()
    return start, end, [head, *quoted(text, indent)]


def main() -> int:
    """The exit code."""
    made = documented(STUBS.read_text())
    if "--check" in sys.argv:
        return int(made != STUBS.read_text())
    STUBS.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
