"""The plots of docs/convergence.md, and what the text says of them, are what the policy does today.

docs/convergence.json, from which they are drawn, is held to the simulator by tests/rust/policy_plots.rs.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def plots() -> ModuleType:
    """scripts/plots.py."""
    spec = importlib.util.spec_from_file_location("plots", ROOT / "scripts" / "plots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_plots_are_current(plots: ModuleType) -> None:
    drawn = plots.drawn()
    assert len(drawn) == 2
    for path, text in drawn.items():
        assert path.read_text() == text, "run scripts/plots.py"
        assert f"]({path.name})" in (DOCS / "convergence.md").read_text()


def test_the_text_quotes_the_decisions() -> None:
    text = (DOCS / "convergence.md").read_text()
    for scene in json.loads((DOCS / "convergence.json").read_text()).values():
        for decision in scene["decisions"]:
            assert f"{decision['at']:.1f} s  {decision['description']}: {decision['reason']}\n" in text
