"""Nova's real libvirt driver with the drop-in, between hosts of releases: an old Nova and a new one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from libvirt_migrate.lab import Host, Lab

from .scene import check_moved, stage
from .ways import Run

ROOT = Path(__file__).parents[2]
#: The oldest and the newest Nova that are supported, each with the pairs of releases of its day.
NOVAS = {
    "31.3.1": (("bookworm", "bookworm"), ("bookworm", "trixie")),
    "34.0.0": (("trixie", "sid"), ("sid", "sid")),
}


class NotRun(Exception):
    """It could not be tried; the message says why."""


def driver(nova: str) -> Run:
    """A migration by this Nova's driver, which scripts/nova-venv has installed on this machine."""

    def run(lab: Lab, source: Host, destination: Host) -> str:
        python = ROOT / ".nova" / nova / "bin" / "python"
        if not python.exists():
            raise NotRun(f"without Nova: scripts/nova-venv {nova} installs it")
        with stage(lab, source, destination, "nova") as scene:
            order = {
                "driver": "libvirt_migrate.LibvirtDriver",
                "uuid": scene.guest.uuid,
                "source": source.uri,
                "address": destination.address,
                "memory": 64,
            }
            done = subprocess.run(
                [str(python), "-W", "ignore", "-m", "nova_tests.lab.drive", json.dumps(order)],
                # Nova could not run without eventlet before 33.
                env=os.environ
                | {
                    "PYTHONPATH": str(ROOT / "tests" / "nova"),
                    "OS_NOVA_DISABLE_EVENTLET_PATCHING": str(int(nova.split(".")[0]) >= 33),
                },
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-500:]
            result = json.loads(done.stdout.splitlines()[-1])
            assert result["error"] is None, result["error"]
            assert [call["method"] for call in result["calls"]] == ["post"], result["calls"]
            check_moved(scene)
        return ""

    return run
