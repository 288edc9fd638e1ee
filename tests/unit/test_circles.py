"""No circle of modules: what a module is made of is not made of it. What there is of circles is listed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CRATE = ROOT / "src"
PACKAGE = ROOT / "python" / "libvirt_migrate"
#: Where the names that lib.rs gives out come from.
GIVEN_OUT = {"Error": "error", "Result": "error", "Guest": "guest", "Migration": "migration"} | {
    "MigrateParams": "params"
}

Uses = dict[str, set[str]]

#: Each use that goes up, without which there would be no circle: nothing is added here.
KNOWN_RUST: set[tuple[str, str]] = set()
KNOWN_PYTHON = {
    ("libvirt_migrate._dispatch", "libvirt_migrate"),
}


def named_in(source: str) -> set[str]:
    """The first names of all paths that begin at the crate. Comments and tests do not count."""
    text = re.sub(r"//[^\n]*", "", source)
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{.*", "", text, flags=re.DOTALL)
    names = set(re.findall(r"\bcrate::(\w+)", text))
    for group in re.findall(r"\bcrate::\{([^;]*)\};", text):
        while "{" in group:
            group = re.sub(r"\{[^{}]*\}", "", group)
        names |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
    return {GIVEN_OUT.get(name, name) for name in names}


def rust() -> Uses:
    """What each file or folder at the top of the crate uses of the others."""
    uses: Uses = {}
    for path in CRATE.rglob("*.rs"):
        name = path.relative_to(CRATE).parts[0].removesuffix(".rs")
        if name != "lib" and path.name != "tests.rs":
            uses.setdefault(name, set()).update(named_in(path.read_text()))
    return {name: (used & uses.keys()) - {name} for name, used in uses.items()}


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import of a module, but for those that only the checker of types sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for other in node.orelse:
                yield from imports(other)
        else:
            yield from imports(node)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: set[str]) -> Iterator[str]:
    """The modules of the package that a file imports."""
    for node in imports(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in modules)
            continue
        # The package that a relative import begins at.
        package = module_of(path).split(".")
        package = package if path.name == "__init__.py" else package[:-1]
        begin = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*begin, *filter(None, [node.module])])
        for name in node.names:
            whole = f"{base}.{name.name}"
            if whole in modules or base in modules:
                yield whole if whole in modules else base


def python() -> Uses:
    """What each module of the package imports of the others, wherever in it."""
    paths = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    return {name: set(imported(path, set(paths))) - {name} for name, path in paths.items()}


def on_circles(uses: Uses) -> set[tuple[str, str]]:
    """Each use from whose end there is a way back to its beginning."""

    def reached(name: str) -> set[str]:
        found: set[str] = set()
        left = [name]
        while left:
            new = uses[left.pop()] - found
            found |= new
            left += new
        return found

    ways = {name: reached(name) for name in uses}
    return {(name, used) for name in uses for used in uses[name] if name in ways[used]}


@pytest.mark.parametrize(
    ("uses", "known"), [(rust(), KNOWN_RUST), (python(), KNOWN_PYTHON)], ids=["rust", "python"]
)
def test_no_circle_but_those_that_are_known(uses: Uses, known: set[tuple[str, str]]) -> None:
    assert len(uses) > 20
    rest = {name: {used for used in all_used if (name, used) not in known} for name, all_used in uses.items()}
    assert on_circles(rest) == set(), "a new circle"
    assert known - on_circles(uses) == set(), "no circle any more: take it off the list"


def test_the_rule_finds() -> None:
    assert named_in(
        "use crate::{Error, job::{self, JobInfo}};\n// crate::uri\nfn f() { crate::flags::x() }"
    ) == {
        "error",
        "job",
        "flags",
    }
    assert on_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {("b", "c"), ("c", "b")}
