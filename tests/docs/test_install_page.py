"""docs/install.md: the commands that are tried, word for word, and the table that `make dist` makes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from install import page
from install.ways import PACKAGED, WAYS, Way
from libvirt_migrate.cli.parser import build_parser

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "install.md").read_text()
UNIT = ROOT / "packaging" / "systemd" / "libvirt-migrate-drain.service"
LINES = {line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()}


def test_what_is_documented_is_what_is_tried() -> None:
    tried = {line for way in (*WAYS, *PACKAGED) for line in (*way.commands, *way.remove)}
    assert tried == LINES


@pytest.mark.parametrize("way", [*WAYS, *PACKAGED], ids=lambda way: way.name)
def test_each_way_is_used_and_taken_away(way: Way) -> None:
    assert way.checks
    assert way.remove


def test_every_extra_is_tried() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    table = project.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = set(re.findall(r"^(\w+) =", table, re.MULTILINE))
    tried = {
        name for line in LINES for names in re.findall(r"\[([\w,]+)\]'", line) for name in names.split(",")
    }
    assert tried == extras


def test_nothing_on_the_page_went_wrong() -> None:
    assert "**no**" not in PAGE.split(page.BEGIN)[1].split(page.END)[0]


def test_the_table_tells_what_failed_and_what_is_missing() -> None:
    rows = [
        {"release": "bookworm", "name": "pip", "result": "pass", "text": "installed"},
        {"release": "bookworm", "name": "pipx", "result": "fail", "text": "left behind: lm"},
        {"release": "sid", "name": "a root", "result": "not run", "text": "no mirror"},
    ]
    assert page.table(rows).splitlines() == [
        "| | Debian 12 | Debian unstable |",
        "| --- | --- | --- |",
        "| pip | installed | not run |",
        "| pipx | **no**: left behind: lm | not run |",
    ]
    assert page.table([]) == ""


def test_the_units_command_is_one_that_there_is() -> None:
    """With the configuration that the page shows."""
    stop = re.search(r"^ExecStop=/usr/bin/libvirt-migrate (.*)$", UNIT.read_text(), re.MULTILINE)
    shown = dict(re.findall(r"^(OPTIONS)=(.*)$", PAGE, re.MULTILINE))
    assert stop is not None
    words = [
        word
        for part in stop[1].split()
        for word in (shlex.split(shown[part[1:]]) if part.startswith("$") else [part])
    ]
    options = build_parser().parse_args(words)
    assert options.command == "drain"
    assert options.jobs == 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Its command is not installed here, so that another one stands for it."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/libvirt-migrate", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    # Of other units of this machine it may have something to say.
    assert UNIT.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
