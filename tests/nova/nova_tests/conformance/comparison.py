"""Runs one release's own tests in one mode, stock and with the drop-in, and compares them test by test."""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .differences import REASONS, RULE
from .records import ROOT, Record

#: Where nova_tests is: not beside it, or a folder named nova would hide Nova.
TESTS = ROOT / "tests" / "nova"
PREFIX = "nova.tests.unit.virt.libvirt"
SOME = ("test_guest", "test_migration", "test_driver")
ALL = (
    *SOME,
    *("test_blockinfo", "test_config", "test_designer", "test_host", "test_imagebackend", "test_imagecache"),
    *("test_machine_type_utils", "test_utils", "test_vif", "cpu", "storage", "volume"),
)
#: Tests of 33 that wait for ever without eventlet, with Nova alone too.
ONLY_EVENTLET = {33: "CacheConcurrencyTestCase"}
SHARDS = os.cpu_count() or 2

Outcomes = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Job:
    """One release in one mode."""

    release: str
    threading: bool
    quick: bool

    @property
    def mode(self) -> str:
        """Nova's word for it."""
        return "threading" if self.threading else "eventlet"

    @property
    def scope(self) -> str:
        """How much of it is run."""
        return "quick" if self.quick else "whole"

    @property
    def modules(self) -> tuple[str, ...]:
        """Where its tests are."""
        return SOME if self.quick else ALL

    @property
    def only(self) -> str:
        """The pattern of its tests."""
        some = r"\.test_(guest|migration)\.|migrat" if self.quick else ""
        left_out = ONLY_EVENTLET.get(int(self.release.split(".")[0])) if self.threading else None
        return f"^(?!.*{left_out}).*({some})" if left_out else some

    def __str__(self) -> str:
        return f"Nova {self.release}, {self.mode}"


def modules(release: str, chosen: tuple[str, ...]) -> list[str]:
    """The modules to run, as far as the release has them; a package stands for the modules in it."""
    folder = (
        next((ROOT / ".nova" / release / "lib").glob("python*")) / "site-packages" / PREFIX.replace(".", "/")
    )
    found = []
    for name in chosen:
        inside = sorted((folder / name).glob("**/test_*.py")) or [folder / f"{name}.py"]
        found += [path for path in inside if path.is_file()]
    return [f"{PREFIX}.{path.relative_to(folder).with_suffix('')}".replace("/", ".") for path in found]


def run(job: Job, ways: dict[str, str]) -> dict[str, Outcomes]:
    """The outcomes of each way, of the tests that its pattern names; a way is spread over the processors."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(ROOT / ".nova" / job.release / "bin" / "python"), "-W", "ignore"]
        command += ["-m", "nova_tests.conformance.run", folder, *modules(job.release, job.modules)]
        command += [f"--way={way}={pattern}" for way, pattern in ways.items()]
        # Nova reads this when it is first imported.
        mode = {"OS_NOVA_DISABLE_EVENTLET_PATCHING": str(job.threading), "PYTHONPATH": str(TESTS)}
        log = Path(folder) / "log"
        with log.open("w") as output:
            code = subprocess.run(
                [*command, "--shards", str(SHARDS)],
                check=False,
                cwd=ROOT,
                env=os.environ | mode,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
        if code:
            raise RuntimeError(f"the run of {job} ended with {code}:\n{log.read_text()[-4000:]}")
        outcomes: dict[str, Outcomes] = {way: {} for way in ways}
        for way in ways:
            for part in Path(folder).glob(f"{way}-*.json"):
                outcomes[way] |= json.loads(part.read_text())
        return outcomes


def reason(test: str) -> str | None:
    """Why a test may come out differently."""
    return next((text for end, text in REASONS.items() if test.endswith(f".{end}")), None)


def compare(stock: Outcomes, ours: Outcomes) -> list[str]:
    """What is wrong with our outcomes, a line each."""
    problems = []
    for test in sorted(stock.keys() | ours.keys()):
        before, after = (side.get(test, {"outcome": "missing", "detail": ""}) for side in (stock, ours))
        differs, why = before["outcome"] != after["outcome"], reason(test)
        if differs and why is None:
            problems.append(
                f"{test}: {before['outcome']} with Nova, {after['outcome']} with ours: {after['detail']}"
            )
        elif not differs and why is not None:
            problems.append(f"{test}: no difference, though one is listed")
    return problems


def summary(outcomes: Outcomes) -> str:
    """How many tests came out how."""
    counts = collections.Counter(entry["outcome"] for entry in outcomes.values())
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())


def of_rule(outcomes: Outcomes) -> tuple[dict[str, str], list[str]]:
    """What became of each test of the rule that everything hangs on, and what is wrong with that."""
    became, problems = {}, []
    for name in RULE:
        found = [entry for test, entry in outcomes.items() if test.endswith(f".{name}")]
        entry = found[0] if found else {"outcome": "missing", "detail": ""}
        became[name] = entry["outcome"]
        if entry["outcome"] != "pass":
            problems.append(
                f"{name}: {entry['outcome']} with the drop-in as users have it: {entry['detail']}"
            )
    return became, problems


def stock_of(ours: Outcomes) -> Outcomes:
    """What Nova's own outcomes are taken to be where they are not looked at: passes, and the same skips."""
    return {
        key: entry if entry["outcome"] == "skip" else {"outcome": "pass", "detail": ""}
        for key, entry in ours.items()
    }


def compare_job(job: Job, keep: Path | None) -> Record:
    """Runs one, and what became of it. Quickly, Nova's own outcome is taken to be a pass."""
    start = time.monotonic()
    ways = {"drop-in": job.only, "plain": rf"\.({'|'.join(map(re.escape, RULE))})$"}
    if not job.quick:
        ways["stock"] = job.only
    outcomes = run(job, ways)
    ours = outcomes["drop-in"]
    stock = outcomes.get("stock") or stock_of(ours)
    became, problems = of_rule(outcomes["plain"])
    for name, found in outcomes.items():
        print(f"  {job}, {name}: {len(found)} tests: {summary(found)}", flush=True)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{job.release}-{job.mode}-{name}.json").write_text(json.dumps(found, indent=1))
    differ = sum(1 for test in ours if ours[test]["outcome"] != stock.get(test, {}).get("outcome"))
    return {
        **{"release": job.release, "mode": job.mode, "scope": job.scope, "run": len(ours), "differ": differ},
        "rule": became,
        "problems": compare(stock, ours) + problems,
        "seconds": round(time.monotonic() - start),
    }
