"""docs/architecture.md names what there is: every library that is taken, and every folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()


def table(heading: str) -> set[str]:
    """The names in the first column of a section's table."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {
        name
        for row in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }


def libraries() -> set[str]:
    """What the project's files ask for."""
    cargo, project = (ROOT / name for name in ("Cargo.toml", "pyproject.toml"))
    tables = re.split(r"^\[(.*)\]\n", cargo.read_text(), flags=re.MULTILINE)
    wanted = [text for name, text in zip(tables[1::2], tables[2::2], strict=True) if "dependencies" in name]
    names = set(re.findall(r"^([a-z][a-z0-9_-]+) =", "\n".join(wanted), re.MULTILINE))
    extras = project.read_text().split("[project.optional-dependencies]")[1].split("\n[")[0]
    # The other wheel of this project is no library.
    names |= set(re.findall(r'"([a-z-]+)[>~=]', extras)) - {"libvirt-migrate-nova"}
    development = (ROOT / "requirements" / "dev.txt").read_text()
    return names | set(re.findall(r"^([a-z][a-z-]*)[>~=]", development, re.MULTILINE))


def test_every_library_is_named_with_its_reason() -> None:
    wanted = libraries()
    assert {"virt", "pyo3", "proptest", "rich", "jsonschema"} <= wanted
    assert wanted <= table("Libraries, and why")


def test_every_folder_of_the_crate_is_named() -> None:
    named = table("Where is what")
    for place in named:
        assert (ROOT / place).exists(), place
    for folder in [path for path in (ROOT / "src").iterdir() if path.is_dir()]:
        assert f"src/{folder.name}" in named, folder


@pytest.mark.parametrize("name", re.findall(r"`(\w+\.py)`", TEXT))
def test_the_commands_modules_exist(name: str) -> None:
    assert list((ROOT / "python" / "libvirt_migrate" / "cli").rglob(name))


def test_the_commands_rooms_are_named() -> None:
    cli = ROOT / "python" / "libvirt_migrate" / "cli"
    rooms = {f"{path.name}/" for path in cli.iterdir() if (path / "__init__.py").exists()}
    assert rooms == table("The command")
