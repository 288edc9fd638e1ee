"""The stubs say what the native module says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUBS = ROOT / "python" / "libvirt_migrate" / "_core.pyi"


def test_the_stubs_have_the_modules_docstrings() -> None:
    script = ROOT / "scripts" / "stub_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False, timeout=60)
    assert done.returncode == 0, "make stubs puts them there"


def test_everything_public_is_described() -> None:
    def look(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), node.name
                look(node.body)

    look(ast.parse(STUBS.read_text()).body)
