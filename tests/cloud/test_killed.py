"""A cloud whose driver is killed leaves nothing behind. `make cloud` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libvirt_migrate.lab import state, tools

pytestmark = pytest.mark.cloud

_UP = """
import sys
from cloud.cloud import Cloud
cloud = Cloud(sys.argv[1], say=lambda text: print(text, flush=True))
cloud.up()
"""


def _processes(name: str) -> list[str]:
    """Processes whose command line has the cloud's folder in it, or that serve its database."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"clouds/{name}" in line:
            found.append(line)
    return found


def test_a_killed_driver_leaves_nothing_behind() -> None:
    name = f"killed-{os.getpid()}"
    with subprocess.Popen([sys.executable, "-c", _UP, name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Everything but nova-compute is up by then, or about to be.
        assert any("RabbitMQ" in line for line in process.stdout)
        made = state.read(name)
        assert made is not None
        assert _processes(name)
        process.kill()
    deadline = time.monotonic() + 30
    while made.is_alive() or _processes(name) or state.folder(name).exists():
        assert time.monotonic() < deadline, _processes(name)
        time.sleep(0.1)
    cable = f"lmlab{made.subnet}"
    while cable in tools.run(["ip", "-o", "link"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert name not in Path("/proc/mounts").read_text()
