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
    assert not (ROOT / ".cargo").exists()
    callbacks = 0
    for path in LIBVIRT.glob("*.rs"):
        for found in re.finditer(r'extern "C" fn (\w+)[^;]*?\{(.*?)\n?\}\n', path.read_text(), re.DOTALL):
            name, body = found.groups()
            callbacks += 1
            # Events are handed on within catch_unwind; the others only set a flag or call libvirt.
            body = body.partition("deliver(")[0]
            assert not re.search(r"unwrap|expect|panic|assert|\[|lock\(", body), f"{path}: {name}"
    assert callbacks == 7
