"""The completion, in a bash that is typed into, and as a script for each shell."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import command, environment


class Bash:
    """An interactive bash on a terminal, with the completion read in."""

    def __init__(self, folder: Path) -> None:
        script = folder / "completion"
        script.write_text(command("completion", "bash").stdout)
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            surroundings = environment(PS1="ready> ", TERM="dumb", INPUTRC="/dev/null", HISTFILE="")
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], surroundings)  # noqa: S606
        self._read_until(r"ready> $")
        self._write(f"source {script}\n")
        self._read_until(r"completion\r\nready> $")

    def completed(self, typed: str, wanted: str) -> str:
        """Types, presses Tab, and waits until the line reads as wanted."""
        self._write(typed + "\t")
        line = self._read_until(re.escape(wanted))
        # Away with the line.
        self._write("\x15\n")
        self._read_until(r"ready> $")
        return line

    def _write(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _read_until(self, pattern: str) -> str:
        seen, deadline = "", time.monotonic() + 30
        while not re.search(pattern, seen):
            assert time.monotonic() < deadline, seen
            if select.select([self._terminal], [], [], 1)[0]:
                seen += os.read(self._terminal, 4096).decode()
        return seen

    def end(self) -> None:
        os.close(self._terminal)
        os.waitpid(self._process, 0)


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Bash]:
    made = Bash(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("libvirt-migrate mig", "libvirt-migrate migrate "),
        ("libvirt-migrate migrate vm1 qemu:///system --on-d", "--on-deadline "),
        ("libvirt-migrate migrate --on-deadline fo", "--on-deadline force "),
        ("libvirt-migrate completion po", "completion powershell "),
        ("libvirt-migrate plan --retarget hos", "--retarget host2.json "),
    ],
)
def test_bash_completes(bash: Bash, tmp_path: Path, typed: str, line: str) -> None:
    (tmp_path / "host2.json").write_text("{}")
    assert line in bash.completed(typed, line)


#: Names that a shell could take for something else.
NAMES = ("here-1", "two words", "$(touch ran)", "客户机")


def some_hosts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virsh that lists NAMES, and another guest at rack-3, which is a host's name in libvirt.conf."""
    virsh = folder / "bin" / "virsh"
    virsh.parent.mkdir()
    here = "".join(f"echo '{name}'\n" for name in NAMES)
    virsh.write_text(f"#!/bin/sh\nif [ \"$1 $2\" = '-c rack-3' ]; then echo there-1; exit; fi\n{here}")
    virsh.chmod(0o755)
    (folder / "libvirt").mkdir()
    aliases = 'uri_aliases = [\n  "rack-3=qemu+tcp://host3/system",\n]\n# "no=qemu:///x"\n'
    (folder / "libvirt" / "libvirt.conf").write_text(aliases)
    monkeypatch.setenv("PATH", f"{virsh.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))


def test_bash_completes_guests_and_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guests of the host that is named, and libvirt.conf's names of hosts."""
    some_hosts(tmp_path, monkeypatch)
    bash = Bash(tmp_path)
    try:
        bash.completed("libvirt-migrate migrate her", "migrate here-1 ")
        bash.completed("libvirt-migrate migrate two", "migrate two\\ words ")
        bash.completed("libvirt-migrate migrate \\$", "migrate \\$\\(touch\\ ran\\) ")
        bash.completed("libvirt-migrate watch --from rack-3 the", "there-1 ")
        bash.completed("libvirt-migrate migrate vm1 rac", "vm1 rack-3 ")
        bash.completed("libvirt-migrate drain --to rac", "--to rack-3 ")
    finally:
        bash.end()
    assert not (tmp_path / "ran").exists(), "a guest's name was run"


def shell(name: str, script: str, folder: Path) -> list[str]:
    """Runs a script in a shell that has read the completion; returns its lines."""
    (folder / "completion").write_text(command("completion", name).stdout)
    words = {"fish": ["fish", "--no-config", "-c"], "zsh": ["zsh", "-fc"]}[name]
    done = subprocess.run(
        [*words, script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=folder,
        env=environment(),
    )
    assert not (folder / "ran").exists(), "a guest's name was run"
    return done.stdout.splitlines()


def test_fish_completes_guests_and_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some_hosts(tmp_path, monkeypatch)

    def completed(line: str) -> list[str]:
        lines = shell("fish", f"source completion; complete -C '{line}'", tmp_path)
        return [line.partition("\t")[0] for line in lines]

    assert sorted(completed("libvirt-migrate migrate ")) == sorted(NAMES)
    assert completed("libvirt-migrate watch --from rack-3 the") == ["there-1"]
    assert completed("libvirt-migrate drain --to rac") == ["rack-3"]
    assert completed("libvirt-migrate mig") == ["migrate"]


def test_zsh_completes_guests_and_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the functions of the script would add; the rest of it is shtab's."""
    some_hosts(tmp_path, monkeypatch)
    begin = 'compdef() { }; eval "$(<completion)"; compadd() { print -l -- $names }\n'
    assert shell(
        "zsh", f"{begin} words=(libvirt-migrate migrate); _libvirt_migrate_guests", tmp_path
    ) == list(NAMES)
    there = "words=(libvirt-migrate watch --from rack-3 x); _libvirt_migrate_guests"
    assert shell("zsh", begin + there, tmp_path) == ["there-1"]
    assert shell("zsh", f"{begin} _libvirt_migrate_hosts", tmp_path) == ["rack-3"]
    script = (tmp_path / "completion").read_text()
    assert '":the guest, by name or uuid:_libvirt_migrate_guests"' in script


@pytest.mark.parametrize("name", ["bash", "zsh", "fish", "tcsh", "powershell"])
def test_each_shell_has_a_script_with_every_command(name: str) -> None:
    done = command("completion", name)
    assert (done.returncode, done.stderr) == (0, "")
    for each in ("migrate", "plan", "status", "watch", "abort", "force-complete", "recover", "drain"):
        assert each in done.stdout
