"""A machine without libvirt: the command says so in one line, and its help is there all the same."""

from __future__ import annotations

import ctypes.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import COMMAND, environment, refused

#: Nothing is where the library was, for one process.
_HIDE = 'mount --bind /dev/null "$(readlink -f "$1")" && shift && exec "$@"'


def hidden(*command: str) -> subprocess.CompletedProcess[str]:
    library = ctypes.util.find_library("virt")
    assert library is not None
    places = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    path = next(line.split()[-1] for line in places.splitlines() if line.split()[:1] == [library])
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", _HIDE, "sh", path, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(),
    )


def without_libvirt(*words: str) -> subprocess.CompletedProcess[str]:
    return hidden(*COMMAND, *words)


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root, to hide the library"
)


@pytest.mark.parametrize(
    "words",
    [
        ("migrate", "vm1", "qemu+tcp://host2/system"),
        ("plan", "vm1", "qemu+tcp://host2/system"),
        ("status",),
        ("watch", "vm1"),
        ("drain", "qemu:///system", "--to", "qemu+tcp://host2/system"),
        ("nova", "check"),
    ],
    ids=lambda words: words[0],
)
def test_it_is_one_line_and_nothing_was_started(words: tuple[str, ...]) -> None:
    line = refused(without_libvirt(*words))
    assert line.startswith("libvirt cannot be loaded: ")
    assert line.endswith("; install libvirt0 (Debian) or libvirt-libs (Fedora), 8.0 or newer")


def test_it_is_an_object_for_programs() -> None:
    done = without_libvirt("status", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    fields = json.loads(done.stdout)
    assert (fields["event"], fields["code"]) == ("error", 2)


def test_the_import_names_what_is_needed() -> None:
    done = hidden(sys.executable, "-c", "from libvirt_migrate import Guest")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "libvirt.so.0: " in last
    assert last.endswith("; install libvirt0 (Debian) or libvirt-libs (Fedora), 8.0 or newer")


@pytest.mark.parametrize("words", [("--help",), ("migrate", "--help"), ("--version",)])
def test_the_help_needs_none(words: tuple[str, ...]) -> None:
    done = without_libvirt(*words)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_old_libvirt_is_named_with_what_is_needed(tmp_path: Path) -> None:
    """A library that has every version of libvirt's interface that is needed but for the newest."""
    import libvirt_migrate._core

    tables = subprocess.run(
        ["objdump", "-p", libvirt_migrate._core.__file__], capture_output=True, text=True, check=True
    ).stdout
    needed = sorted(
        set(re.findall(r"LIBVIRT_[\d.]+", tables)), key=lambda name: [*map(int, name[8:].split("."))]
    )
    assert len(needed) > 3
    (tmp_path / "versions").write_text("".join(f"{name} {{}};\n" for name in needed[:-1]))
    (tmp_path / "old.c").write_text("")
    words = [
        "-shared",
        "-Wl,-soname,libvirt.so.0",
        "-Wl,--version-script=versions",
        "-o",
        "libvirt.so.0",
        "old.c",
    ]
    subprocess.run(["gcc", *words], cwd=tmp_path, check=True)
    done = subprocess.run(
        [*COMMAND, "status"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(LD_LIBRARY_PATH=str(tmp_path)),
    )
    line = refused(done)
    assert f"version `{needed[-1]}' not found" in line
    assert line.endswith("8.0 or newer")
