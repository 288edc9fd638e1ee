"""The examples of the README and of docs/ are run as they stand, on the lab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import StartGuest
from libvirt_migrate.lab import Host

ROOT = Path(__file__).parents[2]


def examples(file: str) -> list[str]:
    """The Python examples of a document."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / file).read_text(), re.MULTILINE | re.DOTALL)


def test_the_readme(
    start_guest: StartGuest, source: Host, destination: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = start_guest()
    (code,) = examples("README.md")
    places = {
        '"vm1"': repr(guest.name),
        "qemu+tcp://host1/system": source.uri,
        "qemu+tcp://host2/system": destination.uri,
        "192.0.2.2": destination.address,
    }
    for example, real in places.items():
        assert example in code
        code = code.replace(example, real)
    assert len(code.splitlines()) <= 11
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102
    location, downtime = capsys.readouterr().out.splitlines()[-1].split()
    assert location == "destination-running"
    assert float(downtime) < 0.5
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


def test_the_lab(capsys: pytest.CaptureFixture[str], lab: Any) -> None:
    known: dict[str, object] = {}
    for code in examples("docs/lab.md"):
        exec(compile(code, "docs/lab.md", "exec"), known)  # noqa: S102
    intact, gap, system, *gaps, name = capsys.readouterr().out.split()
    assert (intact, system, name) == ("True", "Linux", "lab-guest")
    assert len(gaps) == 3
    assert all(0 < float(each) < 10 for each in (gap, *gaps))


def test_the_readme_names_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)", (ROOT / "README.md").read_text()):
        assert f"\n{target}:" in makefile
    for link in re.findall(r"\]\((docs/[^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).is_file()
