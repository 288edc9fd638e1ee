"""Draws docs/convergence-*.svg: simulated migrations, with the plot that `--report` writes.

The simulator is the one of the Rust tests (tests/rust/policy_plots.rs), which leaves its figures in
docs/convergence.json. Run this after a change of the policy or of the plot; tests hold all three together.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from libvirt_migrate.cli.report.plot import plot
from libvirt_migrate.cli.report.record import Record
from libvirt_migrate.cli.report.recorder import QEMU_LIMIT

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "convergence.json"


class _Decision(SimpleNamespace):
    def __str__(self) -> str:
        return f"{self.description}: {self.reason}"


def record(figures: dict[str, Any]) -> Record:
    """A simulated migration as one that was recorded."""
    decisions: list[Any] = [_Decision(error=None, **decision) for decision in figures["decisions"]]
    samples: list[Any] = [SimpleNamespace(**sample) for sample in figures["samples"]]
    limits = [(decision.at, decision.max_downtime) for decision in decisions if decision.max_downtime]
    post_copy = [decision.at for decision in decisions if "post-copy" in decision.description]
    return Record(
        name=figures["name"],
        route="simulated",
        began="",
        samples=samples,
        decisions=decisions,
        switchover=post_copy[0] if post_copy else figures["total_time"] - figures["downtime"],
        total_time=figures["total_time"],
        downtime=figures["downtime"],
        moved=0,
        iterations=0,
        location="destination-running",
        result="moved",
        message=None,
        intent=figures["intent"],
        limits=[(0.0, QEMU_LIMIT), *limits],
    )


def drawn() -> dict[Path, str]:
    """Each file and what belongs into it."""
    scenes = json.loads(FIGURES.read_text())
    return {
        FIGURES.with_name(f"convergence-{name}.svg"): plot(record(figures)) + "\n"
        for name, figures in scenes.items()
    }


def main() -> None:
    """Simulates and draws."""
    command = ["cargo", "test", "--quiet", "--test", "rust", "policy_plots::"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "WRITE": "1"}, check=True)
    for path, text in drawn().items():
        path.write_text(text)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
