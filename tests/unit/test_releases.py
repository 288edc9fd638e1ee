"""Debian releases for hosts of the lab: whole or not there, and what keeps one from being made."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from libvirt_migrate.lab import LabError, bootstrap, keeper, line, mirror, releases, state, tools
from libvirt_migrate.lab.__main__ import main

RELEASE = releases.Release("trixie", 1.0, "11.3.0", "10.0.13", "3.13.5", releases.packages("trixie"))


@pytest.fixture(autouse=True)
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of their own."""
    monkeypatch.setenv("LIBVIRT_MIGRATE_RELEASES", str(tmp_path / "releases"))
    monkeypatch.setattr(tools, "check_root", lambda _: None)
    # Labs that are up have hosts of the releases in the other folder.
    monkeypatch.setattr(state, "names", list)
    return tmp_path / "releases"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """debootstrap and a mirror are there."""
    monkeypatch.setattr(tools, "find", lambda program: f"/usr/sbin/{program}")
    monkeypatch.setenv(mirror.VARIABLE, "file:/nowhere")


def put(release: releases.Release) -> Path:
    """As if it had been made."""
    folder = releases.folder(release.name)
    (folder / "etc").mkdir(parents=True, exist_ok=True)
    releases.mark(folder, release)
    return folder


def test_a_release_that_is_here() -> None:
    assert releases.find("trixie") is None
    folder = put(RELEASE)
    assert releases.find("trixie") == RELEASE
    assert releases.require("trixie") == folder
    assert bootstrap.make("trixie", pytest.fail) == RELEASE


@pytest.mark.parametrize("stamp", ["", "{", "[]", "{}", '{"name": "trixie", "packages": null}', None])
def test_a_half_made_one_is_not_taken_for_whole(stamp: str | None) -> None:
    folder = put(RELEASE)
    for file in (folder / "etc").iterdir():
        file.unlink()
        if stamp is not None:
            file.write_text(stamp)
    assert releases.find("trixie") is None
    with pytest.raises(LabError, match=r"python -m libvirt_migrate\.lab release trixie gets it"):
        releases.require("trixie")


def test_one_made_with_other_packages_is_made_anew() -> None:
    put(dataclasses.replace(RELEASE, packages=("libvirt-daemon",)))
    assert releases.find("trixie") is None


def test_the_folder_may_be_named_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIBVIRT_MIGRATE_RELEASES", "here")
    assert releases.folder("sid") == tmp_path / "here" / "sid"


def test_one_that_does_not_tell_its_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "run", lambda _: "11.3.0\n10.0.13+ds\n")
    with pytest.raises(LabError, match="trixie does not tell its versions"):
        bootstrap._release("trixie", tmp_path)
    monkeypatch.setattr(tools, "run", lambda _: "11.3.0\n10.0.13+ds\n3.13.5\n")
    assert dataclasses.replace(bootstrap._release("trixie", tmp_path), made=1.0) == RELEASE


def test_the_oldest_has_what_builds() -> None:
    assert "gcc" in releases.packages("bookworm")
    assert "gcc" not in releases.packages("trixie")


@pytest.mark.parametrize("name", ["", "../etc", "Trixie", "a/b", "x", "13"])
def test_no_name_of_a_release(name: str) -> None:
    with pytest.raises(LabError, match="is no Debian release"):
        releases.folder(name)


def test_a_lab_says_what_is_missing_before_it_makes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "check", lambda **_: None)
    put(dataclasses.replace(RELEASE, name="bookworm", packages=releases.packages("bookworm")))
    with pytest.raises(LabError, match="trixie is not on this machine"):
        keeper.make(f"releases-{os.getpid()}", ["bookworm", "trixie"])


class Broken(Exception):
    """Stands for whatever may end a process."""


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("what", [LabError("no network"), Broken(), KeyboardInterrupt()])
def test_what_ends_half_way_leaves_the_old_one(
    monkeypatch: pytest.MonkeyPatch, roots: Path, what: BaseException
) -> None:
    old = put(RELEASE)
    (old / "old").touch()

    def run(command: list[str], log: Path, say: Any) -> None:
        (roots / "trixie.new" / "etc").mkdir(parents=True)
        raise what

    monkeypatch.setattr(bootstrap, "_run", run)
    with pytest.raises(type(what)):
        bootstrap.make("trixie", pytest.fail, anew=True)
    assert (old / "old").exists()
    assert not (roots / "trixie.new").exists()


@pytest.mark.usefixtures("programs")
def test_what_a_kill_left_is_made_anew(monkeypatch: pytest.MonkeyPatch, roots: Path) -> None:
    (roots / "trixie.new" / "rest").mkdir(parents=True)
    said: list[str] = []

    def run(command: list[str], log: Path, say: Any) -> None:
        assert not (roots / "trixie.new").exists()
        (roots / "trixie.new" / "etc").mkdir(parents=True)
        assert command[command.index("sh", command.index("-c")) + 1 :][:3] == [
            "trixie",
            str(roots / "trixie.new"),
            "file:/nowhere",
        ]
        say("done")

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap, "_release", lambda *_: RELEASE)
    assert bootstrap.make("trixie", said.append) == RELEASE
    assert releases.find("trixie") == RELEASE
    assert said == ["done"]
    assert not (roots / "trixie.new").exists()


def test_no_debootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda _: None)
    with pytest.raises(LabError, match="needs debootstrap: apt-get install debootstrap"):
        bootstrap.make("trixie", pytest.fail)


@pytest.mark.usefixtures("programs")
def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 100 << 20))
    with pytest.raises(LabError, match=r"no room for trixie: it needs 2048 MiB, and .* has 100 MiB"):
        bootstrap.make("trixie", pytest.fail)


def test_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIBVIRT_MIGRATE_RELEASES", str(tmp_path / "file" / "releases"))
    with pytest.raises(LabError, match="cannot be written to: Not a directory"):
        bootstrap.make("trixie", pytest.fail)


def test_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="needs root, to make a Debian release"):
        tools.check_root("to make a Debian release")


@pytest.mark.skipif(
    os.geteuid() != 0 or tools.find("debootstrap") is None, reason="needs root and debootstrap"
)
def test_no_network(monkeypatch: pytest.MonkeyPatch, roots: Path) -> None:
    monkeypatch.setenv(mirror.VARIABLE, "http://me:hunter2@127.0.0.1:9/debian")
    said: list[str] = []
    with pytest.raises(
        LabError, match=r"debootstrap or apt-get failed: .*127\.0\.0\.1:9.*trixie\.log has all"
    ):
        bootstrap.make("trixie", said.append)
    assert said
    assert "hunter2" not in " ".join(said) + (roots / "trixie.log").read_text()
    assert sorted(path.name for path in roots.iterdir()) == [".trixie.lock", "trixie.log"]
    assert str(roots) not in Path("/proc/mounts").read_text()


TARGETS = """DEP-11 Debian Debian http://other.example/debian/
Packages Debian Debian-Security http://security.example/
Packages Other Debian http://more.example/
Packages Debian Debian mirror+file:/etc/list
Packages Debian Debian https://mirror.example/debian/
Packages Debian Debian http://second.example/debian/
"""


def test_the_mirror_is_apts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirror.choose(TARGETS) == "https://mirror.example/debian/"
    with pytest.raises(LabError, match="apt knows no Debian mirror: run apt-get update, or name one in LIBV"):
        mirror.choose("Packages Ubuntu Ubuntu http://one.example/\n")
    monkeypatch.setenv(mirror.VARIABLE, "http://mine.example/")
    assert mirror.find() == "http://mine.example/"
    monkeypatch.delenv(mirror.VARIABLE)
    monkeypatch.setattr(tools, "find", lambda _: None)
    with pytest.raises(LabError, match="no apt-get to ask for a Debian mirror"):
        mirror.find()


def test_the_proxy_is_apts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setattr(tools, "find", lambda program: program)
    monkeypatch.setattr(tools, "run", lambda _: "http_proxy='http://proxy.example:3128'\n")
    assert mirror.proxies()["http_proxy"] == "http://proxy.example:3128"
    monkeypatch.setenv("http_proxy", "http://mine.example")
    assert mirror.proxies()["http_proxy"] == "http://mine.example"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1000.0, 1000.05, 1000.2, 2000.0, 2001.0, 2020.0])
    monkeypatch.setattr(line, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        shown = line.Line(stream)
        for text in ("one", "two", "three" * 100):
            shown.show(text)
        shown.end()
    assert terminal.getvalue().startswith("\rone\x1b[K\rthreethree")
    assert "two" not in terminal.getvalue() + file.getvalue()
    assert len(terminal.getvalue()) < 120
    assert file.getvalue() == f"one\n{'three' * 100}\n"


def test_the_command_lists_and_says_what_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(RELEASE)
    assert main(["release"]) == 0
    assert capsys.readouterr().out == (
        "bookworm  not here\ntrixie  libvirt 11.3.0, QEMU 10.0.13, Python 3.13.5\nsid  not here\n"
    )
    monkeypatch.setattr(tools, "find", lambda _: None)
    assert main(["release", "sid"]) == 2
    assert "debootstrap" in capsys.readouterr().err
