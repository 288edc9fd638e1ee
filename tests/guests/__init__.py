"""Guests as people have them, moved there and back: `make guests`, and a few of them with the other tests."""

from pathlib import Path

import pytest

# What a cell asserts is told with its values, as in a test.
_NAMES = [path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"]
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _NAMES))
