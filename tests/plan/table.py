"""The table of a run."""

from __future__ import annotations

import pytest

#: The rows of this session.
VERDICTS = pytest.StashKey[list[dict[str, str]]]()


def lines(rows: list[dict[str, str]]) -> list[str]:
    """The table, for the end of a run."""
    width = max(len(row["name"]) for row in rows)
    said = max(len(row["said"]) for row in rows)
    told, theme = [], ""
    for row in rows:
        if row["theme"] != theme:
            theme = row["theme"]
            told.append(f"{theme}:")
        told.append(f"  {row['name']:<{width}}  {row['said']:<{min(said, 60)}}  -> {row['happened']}")
    return told
