"""One wheel, built on the oldest release and tried with the Python of each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from helpers import symbols
from libvirt_migrate.lab import releases

from . import inside

ROOT = Path(__file__).parents[2]
WORK = ROOT / "target" / "releases"
#: Of requirements/dev.txt, what builds and checks; the tests need the rest. libvirt-python is Debian's own.
_NOT_FOR_TESTS = ("maturin", "libvirt-python", "ruff", "mypy")
#: What needs no daemon, no Nova, and nothing that is not in a release's root.
_EXPRESSION = "not lab and not nova and not matrix"
_OF_DOCUMENTS = (
    "docs/test_commands.py::test_links_lead_somewhere",
    "docs/test_compatibility_page.py::test_every_cell_is_on_the_page",
    "docs/test_readme.py::test_the_readme_names_commands_that_exist",
    "docs/test_reliability_page.py::test_every_case_is_on_the_page",
)


class Failed(Exception):
    """It did not work; the message says why."""


def build() -> Path:
    """Builds the wheel on the oldest release, with this machine's Rust."""
    oldest = releases.KNOWN[0]
    target, out, log = WORK / "cargo", WORK / "wheel", WORK / "build.log"
    shutil.rmtree(out, ignore_errors=True)
    for folder in (target, out):
        folder.mkdir(parents=True, exist_ok=True)
    fetch = ["cargo", "fetch", "--quiet", "--locked"]
    done = subprocess.run(fetch, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the crates cannot be had: {done.stderr.strip()}")
    rust, cargo = inside.toolchain()
    maturin = Path(sys.prefix) / "bin"
    script = (
        'cd /mnt/source && exec /mnt/bin/maturin build --release --locked --interpreter python3 --out "$1"'
    )
    code = inside.run(
        oldest,
        ["sh", "-c", script, "sh", "/mnt/out"],
        folders={"source": ROOT, "rust": rust, "cargo": cargo, "bin": maturin, "out": out, "target": target},
        log=log,
        more={
            "PATH": "/mnt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "CARGO_HOME": "/mnt/cargo",
            "CARGO_TARGET_DIR": "/mnt/target",
            "CARGO_NET_OFFLINE": "true",
        },
    )
    wheels = list(out.glob("*.whl"))
    if code or len(wheels) != 1:
        raise Failed(f"the wheel is not built: {inside.last_lines(log)}")
    _check_symbols(wheels[0])
    return wheels[0]


def _check_symbols(wheel: Path) -> None:
    """No function of libvirt's in it is one that the oldest supported libvirt lacks."""
    with zipfile.ZipFile(wheel) as archive:
        (module,) = (name for name in archive.namelist() if name.endswith(".so"))
        found = symbols.symbols(archive.extract(module, WORK))
    newer = symbols.too_new(found)
    if newer or not found:
        raise Failed(f"the wheel is linked with what the oldest libvirt lacks: {newer or 'or with nothing'}")


def python_of(release: str) -> str:
    """The minor version of a release's Python, for instance 3.13."""
    found = releases.find(release)
    if found is None:
        raise Failed(f"{release} is not here")
    return ".".join(found.python.split(".")[:2])


def fetch_libraries(release: str) -> Path:
    """Wheels of the tests' libraries for a release's Python: it is tried without a network."""
    version = python_of(release)
    folder = WORK / f"libraries-{version}"
    lines = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
    wanted = [line.partition("#")[0].strip() for line in lines]
    wanted = [line for line in wanted if line and re.split(r"[~>=<]", line)[0] not in _NOT_FOR_TESTS]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--only-binary", ":all:", "--python-version", version, "--dest", str(folder), *wanted),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the tests' libraries cannot be had: {(done.stderr or done.stdout).strip()}")
    return folder


def venv(scratch: Path, release: str) -> Path:
    """Where a release's environment is: at the same path on its hosts, as /tmp is the machine's."""
    return scratch / release


def install(wheel: Path, scratch: Path, release: str) -> str:
    """Installs the wheel with the release's Python, and uses it with the release's libvirt."""
    libraries, log = fetch_libraries(release), WORK / f"install-{release}.log"
    script = """set -e
        python3 -m venv --system-site-packages "$1"
        "$1/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links /mnt/libraries \\
            --no-deps "/mnt/wheel/$2"
        cd /
        "$1/bin/python" -W error /mnt/scripts/smoke.py with"""
    place = venv(scratch, release)
    code = inside.run(
        release,
        ["sh", "-c", script, "sh", str(place), wheel.name],
        folders={"wheel": wheel.parent, "libraries": libraries, "scripts": ROOT / "scripts"},
        log=log,
    )
    if code:
        raise Failed(inside.last_lines(log))
    return wheel.name


def run_tests(scratch: Path, release: str) -> str:
    """Runs the tests that need no daemon with the release's Python; returns what passed.

    But for those that documents are whole: that is no matter of a release, and one is made of this run.
    """
    log = WORK / f"tests-{release}.log"
    copy = scratch / f"{release}-source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    place = venv(scratch, release)
    without = [f"--deselect=tests/{name}" for name in _OF_DOCUMENTS]
    script = """set -e
        "$1/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links /mnt/libraries \\
            $(cd /mnt/libraries && ls | sed -n 's/^\\([A-Za-z0-9_.]*\\)-.*/\\1/p')
        cd "$2"
        exec "$1/bin/python" -m pytest -p no:cacheprovider -q -m "$3" tests --ignore tests/nova $4"""
    code = inside.run(
        release,
        ["sh", "-c", script, "sh", str(place), str(copy), _EXPRESSION, " ".join(without)],
        folders={"libraries": fetch_libraries(release)},
        log=log,
    )
    last = inside.last_lines(log, 1).strip("= ")
    if code:
        raise Failed(f"{last} ({log.relative_to(ROOT)} has all of it)")
    return last
