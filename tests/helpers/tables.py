"""Tables of the documents that are made from runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


def by_release(
    releases: Sequence[str], lines: Sequence[str], heads: Mapping[str, str], cell: Callable[[str, str], str]
) -> str:
    """A column for each release, a line for each of `lines`; `cell` is what stands where the two meet."""
    table = [
        f"| | {' | '.join(heads.get(release, release) for release in releases)} |",
        f"| --- |{' --- |' * len(releases)}",
    ]
    table += [f"| {line} | {' | '.join(cell(release, line) for release in releases)} |" for line in lines]
    return "\n".join(table) + "\n"
