"""Running the command `libvirt-migrate` as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

COMMAND = (sys.executable, "-m", "libvirt_migrate.cli")
#: Where it is written down who has left a host: not where this machine's own is.
_STATE = tempfile.TemporaryDirectory(prefix="libvirt-migrate-state-")
#: What {host} is for: the address of the destination.
LISTEN = ("--set", "graphics.listen={host}")


def environment(**more: str) -> dict[str, str]:
    """Warnings of the command's own are errors, as everywhere in the tests."""
    return {"STATE_DIRECTORY": _STATE.name, **os.environ, "PYTHONWARNINGS": "error", **more}


def command(*arguments: str, timeout: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=environment(**more),
    )


class Started(subprocess.Popen[str]):
    """A command that runs beside the test."""

    def __exit__(self, *failure: Any) -> None:
        """Where the test has failed it is not waited for: it ends, and the failure tells what it said."""
        error = failure[1]
        if error is not None and self.poll() is None:
            self.kill()
            output, errors = self.communicate()
            print(f"{self.args!r} ran still, and had said: {output!r} {errors!r}")
        super().__exit__(*failure)


def started(*arguments: str, **more: str) -> Started:
    """Starts the command, with pipes."""
    return Started(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )


def refused(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one line of a refusal."""
    assert done.returncode == code, done
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    assert line.startswith("libvirt-migrate: error: ")
    return line.removeprefix("libvirt-migrate: error: ")
