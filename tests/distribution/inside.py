"""Tries the drop-in with a Debian release's own Nova: in a root of it, by its own Python, without a network.

    PYTHONPATH=/mnt python3 -m distribution.inside /mnt/wheels [/mnt/debs]

Prints a line of JSON for each step. Nova's services are started as its packages' units start them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from . import services

#: Where Debian's package sets the driver, and what it starts nova-compute with.
CONFIGURATION = Path("/etc/nova/nova-compute.conf")
FILES = ("--config-file", "/etc/nova/nova.conf", "--config-file", str(CONFIGURATION))
STOCK, OURS = "libvirt.LibvirtDriver", "libvirt_migrate.LibvirtDriver"
#: Debian's pip looks beside Debian's own packages with this only, to put something there and to remove it.
PIP = ("env", "DEB_PYTHON_INSTALL_LAYOUT=deb", "pip")
QUIETLY = ("--quiet", "--root-user-action=ignore", "--break-system-packages")
VENV, WRAPPER = Path("/opt/libvirt-migrate"), "libvirt-migrate-nova-compute"
#: What the init script reads before it starts the service.
DEFAULTS = Path("/etc/default/nova-compute")
#: The packages that the documents install, and where nova-compute then serves metrics.
PACKAGES, METRICS_PORT = ("python3-libvirt-migrate", "nova-compute-libvirt-migrate"), 9179
#: What the drop-in logs when it has taken the migrations over.
TAKEN = r"libvirt-migrate \S+ moves the guests of Nova \S+: \d+ overrides"
#: Where nothing of this package's could be, and what Nova and libvirtd write by themselves.
NOT_LOOKED_AT = (
    *("dev", "proc", "sys", "run", "tmp", "mnt", "root", "etc/libvirt"),
    *("var/log", "var/lib", "var/cache"),
)


class Failed(Exception):
    """A step came out otherwise than it should; the message says how."""


def run(command: list[str], expect: int = 0) -> str:
    """Runs a program to its end, which has to be `expect`; returns what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != expect:
        raise Failed(
            f"{' '.join(command)} ended with {done.returncode}: {' '.join(done.stdout.split())[-600:]}"
        )
    return done.stdout


def set_driver(value: str) -> None:
    """The one line of configuration."""
    text = re.sub(r"(?m)^compute_driver *=.*$", f"compute_driver={value}", CONFIGURATION.read_text())
    CONFIGURATION.write_text(text)


def check(python: str, expect: int) -> dict[str, list[str]]:
    """The lines of the check, by their name."""
    found: dict[str, list[str]] = {}
    for line in run([python, "-m", "libvirt_migrate.nova", "check", *FILES], expect).splitlines():
        name, _, value = line.partition(": ") if line.startswith("problem: ") else line.partition("  ")
        found.setdefault(name, []).append(value.strip())
    return found


def versions() -> str:
    """What is installed."""
    ask = ["dpkg-query", "-W", "-f", "${source:Upstream-Version}"]
    nova, libvirt = (run([*ask, package]).partition("+")[0] for package in ("nova-compute", "libvirt0"))
    return f"Nova {nova}, libvirt {libvirt}, Python {sys.version.split()[0]}"


def install(wheels: list[str]) -> str:
    """Puts the packages beside python3-nova."""
    layout = [
        "env",
        "DEB_PYTHON_INSTALL_LAYOUT=deb",
        "pip",
        "install",
        "--quiet",
        "--root-user-action=ignore",
    ]
    run([*layout, "--break-system-packages", "--no-deps", "--no-index", "--prefix", "/usr", *wheels])
    # Without importing it: a release that is not known refuses that.
    code = "from importlib.util import find_spec; print(find_spec('nova.virt.libvirt_migrate').origin)"
    return str(Path(run([sys.executable, "-c", code]).splitlines()[-1]).parent)


def unsupported() -> str:
    """What the check says of a release that is not known."""
    problems = check("python3", 1)["problem"]
    if not problems[0].startswith("libvirt-migrate supports Nova"):
        raise Failed(f"the check says {problems}")
    return f"ends with 1: {problems[0]}"


def without_the_line() -> str:
    """The check before the driver is named."""
    problems = check("python3", 1)["problem"]
    if len(problems) != 1 or not problems[0].startswith("nova-compute would run without the drop-in"):
        raise Failed(f"the check says {problems}")
    return "ends with 1: nova-compute would run without the drop-in"


def green(python: str) -> str:
    """The check where all is well."""
    found = check(python, 0)
    if "problem" in found:
        raise Failed(f"the check says {found['problem']}")
    mode, way = found["threading mode"][0], found["switched on by"][0]
    return f"green: {len(found['overridden'])} overrides, {mode}, switched on by {way}"


def up_to_the_bus() -> str:
    """nova-compute where nothing answers on the message bus's port."""
    with services.compute() as log:
        log.wait_for(r"impl_rabbit .*ECONNREFUSED", "a try to connect to the message bus")
    return "waits for its message bus"


def taken_over() -> str:
    """nova-compute with a message bus and a conductor: it loads the driver then."""
    with services.compute() as log:
        log.wait_for(TAKEN, "the drop-in's line")
        log.wait_for(r"Starting compute node", "the start of the compute node")
        log.wait_for(
            r"Connection event '1' reason|Libvirt host capabilities", "the driver's connection to libvirt"
        )
    return f"the log says `{log.found[0]}`; the driver then connects to libvirt"


def refused() -> str:
    """nova-compute of a release that is not known: it does not start."""
    with services.compute() as log:
        log.wait_for(r"UnsupportedNova: libvirt-migrate supports Nova .*", "the refusal")
        log.wait_for_end()
    return "does not start: the log says what the check says"


def by_the_command(wheel: str) -> str:
    """A virtual environment beside the packages, whose command the unit starts."""
    run([sys.executable, "-m", "venv", "--system-site-packages", str(VENV)])
    run([str(VENV / "bin" / "pip"), "install", "--quiet", "--no-deps", "--no-index", wheel])
    DEFAULTS.write_text(f"DAEMON={VENV}/bin/{WRAPPER}\n")
    text = green(str(VENV / "bin" / "python"))
    with services.compute() as log:
        log.wait_for(TAKEN, "the drop-in's line")
        log.wait_for(r"Starting compute node", "the start of the compute node")
    return f"{text}; nova-compute starts with it"


def files() -> set[str]:
    """Every file there is, but for what Nova itself writes."""
    without = [word for place in NOT_LOOKED_AT for word in ("-path", f"/{place}", "-prune", "-o")]
    return set(run(["find", "/", *without, "-print"]).splitlines())


def check_nothing_is_left(before: set[str]) -> str:
    """Raises Failed where there are other files than before."""
    after = files()
    if after != before:
        raise Failed(f"left behind: {sorted(after - before)}, gone: {sorted(before - after)}")
    return "nothing is left behind"


def remove(before: set[str]) -> str:
    """Takes the package away again."""
    run([*PIP, "uninstall", *QUIETLY, "--yes", "libvirt-migrate", "libvirt-migrate-nova"])
    set_driver(STOCK)
    text = check_nothing_is_left(before)
    with services.compute() as log:
        log.wait_for(r"Starting compute node", "the start of the compute node")
        if log.has(TAKEN):
            raise Failed("the drop-in's line is in the log")
    return f"{text}; nova-compute starts as before"


def remove_command(before: set[str]) -> str:
    """Takes the virtual environment away again."""
    DEFAULTS.unlink()
    run(["rm", "-rf", str(VENV)])
    return check_nothing_is_left(before)


def apt_install(debs: Path) -> str:
    """Puts the packages beside python3-nova, with the line and a port for metrics."""
    run(["apt-get", "install", "--yes", *(str(next(debs.glob(f"{name}_*.deb"))) for name in PACKAGES)])
    set_driver(OURS)
    with CONFIGURATION.open("a") as file:
        file.write(f"\n[libvirt_migrate]\nmetrics_port = {METRICS_PORT}\n")
    return green("python3")


def apt_taken_over() -> str:
    """nova-compute with the packages, asked for its metrics."""
    with services.compute() as log:
        log.wait_for(TAKEN, "the drop-in's line")
        log.wait_for(r"Metrics are served at \S+, port \d+", "the line about its metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    found = re.search(r'^libvirt_migrate_migrations_total\{result="completed"\} \S+$', text, re.MULTILINE)
    if found is None:
        raise Failed(f"its metrics are {text[:300]}")
    return f"starts with it, and serves `{found[0]}`"


def apt_remove(before: set[str]) -> str:
    """Takes the packages away again."""
    set_driver(STOCK)
    CONFIGURATION.write_text(CONFIGURATION.read_text().split("\n[libvirt_migrate]\n")[0])
    run(["apt-get", "purge", "--yes", *PACKAGES])
    return check_nothing_is_left(before)


def attempt(name: str, step: Callable[[], str]) -> bool:
    """One step, told as a line."""
    start = time.monotonic()
    try:
        result, text = "pass", step()
    except Exception as error:
        result, text = "fail", f"{type(error).__name__}: {error}"
    row = {"name": name, "result": result, "text": text, "seconds": round(time.monotonic() - start, 1)}
    print(json.dumps(row), flush=True)
    return result == "pass"


def with_packages(debs: Path, before: set[str]) -> list[bool]:
    """The steps with the packages that `make deb` makes."""
    return [
        attempt("the packages, check", lambda: apt_install(debs)),
        attempt("the packages, nova-compute", apt_taken_over),
        attempt("without the packages", lambda: apt_remove(before)),
    ]


def main() -> int:
    """All steps; ends with 1 where one failed."""
    found = sorted(str(path) for path in Path(sys.argv[1]).glob("*.whl"))
    (wheel,) = (path for path in found if "/libvirt_migrate-" in path)
    services.prepare()
    passed = [attempt("packages", versions)]
    before = files()
    passed.append(attempt("pip install", lambda: install(found)))
    known = (
        subprocess.run(
            [sys.executable, "-c", "from libvirt_migrate.nova import release; release.major()"],
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        == 0
    )
    passed.append(attempt("check, as it is", without_the_line if known else unsupported))
    set_driver(OURS)
    if known:
        passed.append(attempt("check, with the line", lambda: green("python3")))
    passed.append(attempt("nova-compute, no message bus", up_to_the_bus))
    with services.bus():
        passed.append(attempt("nova-compute, with the line", taken_over if known else refused))
        passed.append(attempt("pip uninstall", lambda: remove(before)))
        if known:
            passed.append(attempt("the command", lambda: by_the_command(wheel)))
            passed.append(attempt("without the command", lambda: remove_command(before)))
            passed += with_packages(Path(sys.argv[2]), before) if sys.argv[2:] else []
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
