"""Tries the ways to install in a root of a Debian release, with an index of its own and no network.

    PYTHONPATH=/mnt python3 -B -m install.inside [WAY …]

Prints a line of JSON for each way. It is thrown away with the root.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .ways import PACKAGED, WAYS, Way

INDEX, PORT = Path("/mnt/index"), 8099
DEBS = Path("/mnt/deb")


class Failed(Exception):
    """A command came out otherwise than it should; the message says how."""


def shell(command: str, folder: Path) -> str:
    """Runs a line as a person would; returns what it printed."""
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise Failed(f"`{command}` ended with {done.returncode}: {' '.join(done.stdout.split())[-400:]}")
    return done.stdout


def there(way: Way, folder: Path) -> set[str]:
    """What has the package's name in the way's places; the root itself has something of the lab's."""
    places = " ".join(way.left)
    find = f"for p in {places}; do [ ! -e $p ] || find $p -iname '*libvirt[-_]migrate*'; done"
    return set(shell(find, folder).splitlines())


def attempt(way: Way) -> str:
    """Installs, uses and removes; raises Failed."""
    folder = Path(tempfile.mkdtemp(prefix="install-"))
    if way in PACKAGED:
        for package in DEBS.glob("*.deb"):
            shutil.copy(package, folder)
    before = there(way, folder)
    for command in (*way.commands, *way.checks, *way.remove):
        shell(command, folder)
    rest = there(way, folder) - before
    if rest:
        raise Failed(f"left behind: {' '.join(sorted(rest))}")
    return "installed, used, removed"


def serve() -> subprocess.Popen[bytes]:
    """The index, once it answers."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    words = [sys.executable, "-m", "http.server", "--directory", str(INDEX), "--bind", "127.0.0.1", str(PORT)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", PORT)) == 0:
                break
        time.sleep(0.1)
    os.environ |= {
        "PIP_INDEX_URL": f"http://127.0.0.1:{PORT}/simple/",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return server


def main() -> int:
    """All ways; ends with 1 where one failed."""
    server = serve()
    failed = False
    known = {way.name: way for way in (*WAYS, *(PACKAGED if DEBS.is_dir() else ()))}
    for way in [known[name] for name in sys.argv[1:]] or known.values():
        start = time.monotonic()
        try:
            result, text = "pass", attempt(way)
        except Exception as error:
            result, text = "fail", f"{error}"
            failed = True
        seconds = round(time.monotonic() - start, 1)
        print(json.dumps({"name": way.name, "result": result, "text": text, "seconds": seconds}), flush=True)
    server.terminate()
    server.wait()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
