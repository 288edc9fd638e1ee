"""A cloud whose driver is killed leaves nothing behind. `make cloud` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libvirt_migrate.lab import state, tools

from . import places

pytestmark = pytest.mark.cloud

_UP = """
import sys
from cloud.cloud import Cloud
cloud = Cloud(sys.argv[1], say=lambda text: print(text, flush=True))
cloud.up()
"""


def _processes(namespaces: set[str]) -> list[str]:
    """The processes that are in one of these namespaces, by their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "ns" / "pid").readlink().name in namespaces:
                found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            # It has ended meanwhile.
            continue
    return found


# A machine may have much else to do.
@pytest.mark.timeout(900)
def test_a_killed_driver_leaves_nothing_behind() -> None:
    name = f"killed-{os.getpid()}"
    home = Path.home() / ".gunicorn"
    kept = home.exists()
    with subprocess.Popen([sys.executable, "-c", _UP, name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Everything but nova-compute is up by then.
        assert any("nova-api" in line for line in process.stdout)
        made = state.read(name)
        assert made is not None
        namespaces = {Path(f"/proc/{host.pid}/ns/pid").readlink().name for host in made.hosts}
        running = "\n".join(_processes(namespaces))
        for program in ("mariadbd", "beam", "keystone", "nova-conductor", "libvirtd"):
            assert program in running
        process.kill()
    deadline = time.monotonic() + 180
    while made.is_alive() or _processes(namespaces) or state.folder(name).exists():
        assert time.monotonic() < deadline, _processes(namespaces)
        time.sleep(0.1)
    cable = f"lmlab{made.subnet}"
    while cable in tools.run(["ip", "-o", "link"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert name not in Path("/proc/mounts").read_text()
    assert home.exists() is kept
    # Its logs are all there is.
    shutil.rmtree(places.folder(name))
