"""Runs one release's own tests in one mode, stock and with the drop-in, and compares them test by test."""

from __future__ import annotations

import collections
import json
import os
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


def run(release: str, threading: bool, how: str, chosen: tuple[str, ...], only: str) -> Outcomes:
    """The outcomes of a whole run, which is spread over the processors; `how` is the runner's option."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / f"{shard}.json" for shard in range(SHARDS)]
        processes = []
        for shard, output in enumerate(outputs):
            command = [str(ROOT / ".nova" / release / "bin" / "python"), "-W", "ignore"]
            command += ["-m", "nova_tests.conformance.run", str(output), *modules(release, chosen)]
            command += ["--shard", f"{shard}/{SHARDS}", "--only", only, *([how] if how else [])]
            # Nova reads this when it is first imported.
            mode = {"OS_NOVA_DISABLE_EVENTLET_PATCHING": str(threading), "PYTHONPATH": str(TESTS)}
            with (Path(folder) / f"{shard}.log").open("w") as log:
                processes.append(
                    subprocess.Popen(
                        command, cwd=ROOT, env=os.environ | mode, stdout=log, stderr=subprocess.STDOUT
                    )
                )
        try:
            for shard, process in enumerate(processes):
                if process.wait():
                    said = (Path(folder) / f"{shard}.log").read_text()[-4000:]
                    raise RuntimeError(f"the run of {release} ended with {process.returncode}:\n{said}")
        finally:
            for process in processes:
                process.kill()
                process.wait()
        outcomes: Outcomes = {}
        for output in outputs:
            outcomes |= json.loads(output.read_text())
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


def rule(release: str, threading: bool) -> tuple[Record, list[str]]:
    """The tests of the rule that everything hangs on, with the drop-in as users have it."""
    outcomes = run(release, threading, "--plain", ("test_guest", "test_driver"), "|".join(RULE))
    passed = [test for test, entry in outcomes.items() if entry["outcome"] == "pass"]
    problems = [f"{test}: {outcomes[test]['detail']}" for test in sorted(outcomes.keys() - set(passed))]
    if not outcomes:
        problems = ["none of the rule's tests was found"]
    return {"rule": len(outcomes), "rule_passed": len(passed)}, problems


def compare_job(job: Job, keep: Path | None) -> Record:
    """Runs one, and what became of it. Quickly, Nova's own outcome is taken to be a pass."""
    start = time.monotonic()
    chosen = SOME if job.quick else ALL
    ours = run(job.release, job.threading, "--drop-in", chosen, job.only)
    print(f"  {job}, ours: {len(ours)} tests: {summary(ours)}", flush=True)
    if job.quick:
        # What is skipped is skipped with Nova alone, too.
        stock = {
            key: entry if entry["outcome"] == "skip" else {"outcome": "pass", "detail": ""}
            for key, entry in ours.items()
        }
    else:
        stock = run(job.release, job.threading, "", chosen, job.only)
        print(f"  {job}, stock: {len(stock)} tests: {summary(stock)}", flush=True)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        for name, outcomes in {"ours": ours, "stock": stock}.items():
            (keep / f"{job.release}-{job.mode}-{name}.json").write_text(json.dumps(outcomes, indent=1))
    of_rule, problems = rule(job.release, job.threading)
    print(f"  {job}, the rule's tests: {of_rule['rule_passed']} of {of_rule['rule']} pass", flush=True)
    differ = sum(1 for test in ours if ours[test]["outcome"] != stock.get(test, {}).get("outcome"))
    return {
        **{"release": job.release, "mode": job.mode, "scope": job.scope, "run": len(ours), "differ": differ},
        **of_rule,
        "problems": compare(stock, ours) + problems,
        "seconds": round(time.monotonic() - start),
    }
