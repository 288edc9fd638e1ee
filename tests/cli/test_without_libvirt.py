"""A machine without libvirt: the command says so in one line, and its help is there all the same."""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import subprocess
import sys

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
    assert line.endswith("; install libvirt0 (Debian) or libvirt-libs (Fedora)")


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
