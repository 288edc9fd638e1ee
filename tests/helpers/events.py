"""What `--json` prints, held to docs/json.schema.json: in every test that reads it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "json.schema.json").read_text())


def _strict() -> Draft202012Validator:
    """The schema with nothing in it that is not written down: for readers, properties may be added."""
    strict = copy.deepcopy(SCHEMA)
    strict["unevaluatedProperties"] = False
    for name in ("change", "job"):
        strict["$defs"][name]["additionalProperties"] = False
    return Draft202012Validator(strict)


_VALIDATOR = _strict()


def events(output: str) -> list[dict[str, Any]]:
    """The objects that were printed, each as documented."""
    told: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    for event in told:
        problems = [error.message for error in _VALIDATOR.iter_errors(event)]
        assert not problems, (event, problems)
    return told
