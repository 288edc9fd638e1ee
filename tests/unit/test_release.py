"""scripts/release: version, CHANGELOG, commit and tag, tried in a repository of its own."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("Cargo.toml", "Cargo.lock", "CHANGELOG.md", "pyproject.toml", "packaging/nova/pyproject.toml")
ADDRESS = "https://git.example/libvirt-migrate"


@pytest.fixture
def main() -> Callable[..., int]:
    found: Callable[..., int] = runpy.run_path(str(ROOT / "scripts" / "release"))["main"]
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    # As before the first release, whatever there is now.
    for name, pattern, new in (
        ("Cargo.toml", r"(?m)^repository = .*\n", ""),
        ("CHANGELOG.md", r"(?m)^## .*$", "## 0.1.0, unreleased"),
        ("pyproject.toml", r"\[project.urls\]\n.*\n", ""),
        ("packaging/nova/pyproject.toml", r"\[project.urls\]\n.*\n", ""),
    ):
        file = tmp_path / name
        file.write_text(re.sub(pattern, new, file.read_text(), count=1))
    git(tmp_path, "init", "--quiet")
    for name, value in (("user.name", "tester"), ("user.email", "tester@example")):
        git(tmp_path, "config", name, value)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "as it is")
    return tmp_path


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_dry_run_shows_all_and_changes_nothing(
    main: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["7.8.9", "--url", ADDRESS, "--dry-run"], repository) == 0
    said = capsys.readouterr().out
    assert '+version = "7.8.9"' in said
    assert "+## 7.8.9, 20" in said
    assert f'+repository = "{ADDRESS}"' in said
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "tag") == ""


def test_a_release_is_a_commit_and_a_tag(main: Callable[..., int], repository: Path) -> None:
    assert main(["7.8.9", "--url", ADDRESS], repository) == 0
    assert git(repository, "tag").split() == ["v7.8.9"]
    assert git(repository, "show", "--no-patch", "--format=%s").strip() == "Release 7.8.9"
    assert git(repository, "status", "--porcelain") == ""
    lock = (repository / "Cargo.lock").read_text()
    assert 'name = "libvirt-migrate"\nversion = "7.8.9"' in lock
    for name in FILES[3:]:
        assert f'[project.urls]\nRepository = "{ADDRESS}"' in (repository / name).read_text()


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1.0", "is no version"),
        ("v1.0.0", "is no version"),
        ("0.0.9", "is older than"),
        ("7.8.9", "something is not committed"),
    ],
)
def test_what_is_no_release_is_refused_and_nothing_is_changed(
    main: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str], version: str, why: str
) -> None:
    (repository / "new").write_text("not committed")
    before = {name: (repository / name).read_text() for name in FILES}
    assert main([version, "--url", ADDRESS], repository) == 1
    assert why in capsys.readouterr().err
    assert before == {name: (repository / name).read_text() for name in FILES}
    assert git(repository, "tag") == ""


def test_without_an_address_there_is_no_release(
    main: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["7.8.9"], repository) == 1
    assert "--url" in capsys.readouterr().err


def test_one_version_is_released_once(
    main: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["7.8.9", "--url", ADDRESS], repository) == 0
    assert main(["7.8.9"], repository) == 1
    assert "was released before" in capsys.readouterr().err


def test_the_version_is_written_down_once() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert "\nversion = " not in project.split("[tool.")[0]
