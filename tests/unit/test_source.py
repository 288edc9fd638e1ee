"""Rules of the source: no shell for what users write, `unsafe` in one place, no panic that ends a process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "python").rglob("*.py"))
RUST = sorted((ROOT / "src").rglob("*.rs"))
LIBVIRT = ROOT / "src" / "libvirt"
#: What hands a line to a shell, or starts a program otherwise than by `subprocess` with a list of words.
SHELLS = re.compile(
    r"os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|startfile)"
    r"|subprocess\.(getoutput|getstatusoutput)|asyncio\.create_subprocess_\w+|pty\.spawn"
)
PROGRAMS = re.compile(r"\bCommand\b|libc::(system|popen|exec\w*|v?fork|posix_spawn\w*)\b")
_UNSAFE = re.compile(r"\bunsafe\b")


def faults(source: str) -> Iterator[str]:
    """What in Python code could run a line that somebody else wrote."""
    tree = ast.parse(source)
    constants = {
        target.id
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }

    def is_fixed(node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in constants)

    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute) and SHELLS.fullmatch(ast.unparse(node)):
            yield f"{line}: {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "subprocess", "pty"):
            yield f"{line}: {ast.unparse(node)}: write the module's name where it is used"
        if isinstance(node, ast.Call):
            yield from (f"{line}: shell=" for keyword in node.keywords if keyword.arg == "shell")
            called = ast.unparse(node.func)
            if (
                called.startswith("subprocess.")
                and node.args
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            ):
                yield f"{line}: {called} of a string"
        if isinstance(node, ast.List | ast.Tuple):
            words = [word.value if isinstance(word, ast.Constant) else None for word in node.elts]
            for at, word in enumerate(words[:-1]):
                if word == "-c" and not is_fixed(node.elts[at + 1]):
                    yield f"{line}: a script that is put together: {ast.unparse(node.elts[at + 1])}"


def test_no_shell_runs_what_a_user_wrote() -> None:
    assert len(PYTHON) > 50
    found = [f"{path.relative_to(ROOT)}:{fault}" for path in PYTHON for fault in faults(path.read_text())]
    assert found == []


def test_only_the_lab_starts_programs() -> None:
    starting = {path.parent.name for path in PYTHON if "subprocess" in path.read_text()}
    assert starting == {"lab"}


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.system(x)",
        "from subprocess import run",
        "import subprocess; subprocess.run(words, shell=True)",
        "import subprocess; subprocess.run(f'ls {x}')",
        "run(['sh', '-c', f'kill {x}'])",
        "run([*inside, 'sh', '-c', script])",
        "def run(script): call(('bash', '-c', 'ls ' + script))",
    ],
)
def test_the_rule_finds(line: str) -> None:
    assert list(faults(line))


def test_rust_starts_no_program() -> None:
    assert len(RUST) > 50
    found = [path for path in RUST if PROGRAMS.search(without_comments(path.read_text()))]
    assert found == []


def without_comments(source: str) -> str:
    return re.sub(r"//[^\n]*", "", source)


def test_unsafe_is_in_one_folder_and_has_its_reasons() -> None:
    places = [path for path in RUST if _UNSAFE.search(without_comments(path.read_text()))]
    assert len(places) > 5
    assert [path for path in places if LIBVIRT not in path.parents] == []
    allowed = [path for path in RUST if "allow(unsafe_code)" in path.read_text()]
    assert allowed == [LIBVIRT / "mod.rs"]
    manifest = (ROOT / "Cargo.toml").read_text()
    # What clippy and rustc check then, with reasons for blocks and for `unsafe impl`.
    assert 'unsafe_code = "deny"' in manifest
    assert 'undocumented_unsafe_blocks = "deny"' in manifest
    for path in places:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\bunsafe fn\b", line) and "extern" not in line:
                before = "\n".join(lines[max(0, number - 6) : number])
                assert "# Safety" in before, f"{path}:{number + 1}"


def test_panics_unwind_and_none_begins_in_a_callback() -> None:
    assert not re.search(r"^\s*panic\s*=", (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    # Nor by a setting of cargo's beside it.
    assert not list((ROOT / ".cargo").glob("config*"))
    callbacks = 0
    for path in LIBVIRT.glob("*.rs"):
        for found in re.finditer(r'extern "C" fn (\w+)[^;]*?\{(.*?)\n?\}\n', path.read_text(), re.DOTALL):
            name, body = found.groups()
            callbacks += 1
            # Events are handed on within catch_unwind; the others only set a flag or call libvirt.
            body = body.partition("deliver(")[0]
            assert not re.search(r"unwrap|expect|panic|assert|\[|lock\(", body), f"{path}: {name}"
    assert callbacks == 7


#: What holds one of libvirt's numbers, by the name that it has wherever it is compared.
_CODES = {"code", "reason_code", "operation", "get_error_code", "source_state"}


def _is_code(node: ast.expr) -> bool:
    """Whether one of libvirt's numbers is in it: `error.code`, `error.get_error_code()`, `code or 0`."""
    names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return bool(names & _CODES)


def bare_codes(source: str) -> Iterator[str]:
    """Comparisons of libvirt's numbers with numbers that are written out, under a name or without."""
    tree = ast.parse(source)

    def numbers(node: ast.AST) -> set[int]:
        found = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
        return {value for value in found if type(value) is int}

    named = {
        target.id
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign) and numbers(statement.value)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }

    def is_bare(node: ast.expr) -> bool:
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return bool(numbers(node) or names & named)

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            if any(map(_is_code, parts)) and any(map(is_bare, parts)):
                yield f"{node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Subscript) and _is_code(node.slice) and is_bare(node.value):
            yield f"{node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            called = node.func.value
            if node.args and _is_code(node.args[0]) and is_bare(called):
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_libvirts_numbers_are_written_in_one_place() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in PYTHON for line in bare_codes(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "if error.code == 42: pass",
        "if error.get_error_code() in (38, 39): pass",
        "GONE = 42\nif error.code != GONE: pass",
        "WORDS = {5: 'outgoing'}\nWORDS.get(job.operation or 0)",
        "WORDS = {5: 'outgoing'}\nWORDS[job.operation]",
        "PLACES = (3, 2)\nif source_state(guest) in (PLACES, OTHER): pass",
    ],
)
def test_the_rule_of_numbers_finds(line: str) -> None:
    assert list(bare_codes(line))


#: libvirt's numbers in Rust: what is compared with one or made of one, and a constant of their types.
NUMBERS = re.compile(
    r"\b(?:code|operation|event|detail|reason)\b[^\n;{}]{0,20}(?:==|!=) (?:Some\()?\d"
    r"|\b(?:code|event|detail|reason): \d|found_here\(\d|DomainState::new\(\d"
    r"|const \w+: i(?:32|64) = \d"
)


def test_libvirts_numbers_are_written_in_one_place_of_the_crate() -> None:
    found = []
    for path in RUST:
        if ROOT / "src" / "numbers" in path.parents or path.name == "tests.rs":
            continue
        source = without_comments(path.read_text()).partition("#[cfg(test)]")[0]
        found += [f"{path.relative_to(ROOT)}: {line}" for line in NUMBERS.findall(source)]
    assert found == []


def test_times_at_the_python_surface_are_seconds() -> None:
    stubs = (ROOT / "python/libvirt_migrate/_core.pyi").read_text()
    names = set(re.findall(r"\w+", re.sub(r'""".*?"""', "", stubs, flags=re.DOTALL)))
    assert {"max_downtime", "timeout", "set_max_downtime"} <= names
    assert {name for name in names if re.search(r"_ms$|millis", name)} == set()
