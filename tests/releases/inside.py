"""Runs a program in a Debian release's own files, which it cannot change."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from libvirt_migrate.lab import releases, tools

#: Its arguments: the root, the count of folders, each of these with its place below /mnt, and the program.
#: /tmp is this machine's, as it is for the lab's hosts.
_SCRIPT = """set -e
root=$1 count=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for place in dev proc sys tmp; do
    mount --rbind "/$place" "$root/$place"
done
mount -t tmpfs inside "$root/root"
mount -t tmpfs inside "$root/mnt"
while [ "$count" -gt 0 ]; do
    mkdir "$root/mnt/$2"
    mount --bind "$1" "$root/mnt/$2"
    shift 2
    count=$((count - 1))
done
# A shell's background jobs ignore an interrupt, and tests send one.
exec env --default-signal=INT,QUIT chroot "$root" "$@"
"""


def run(
    release: str,
    command: Sequence[str],
    *,
    folders: Mapping[str, Path],
    log: Path,
    more: Mapping[str, str] | None = None,
    timeout: float = 1200,
) -> int:
    """Runs it to its end, with `folders` below /mnt and all that it says in `log`; returns its exit code.

    That is 124 where it was ended after `timeout` seconds, as with coreutils' timeout.
    """
    root = releases.require(release)
    places = [word for name, path in folders.items() for word in (str(path.resolve()), name)]
    everything = [
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
        *("sh", "-c", _SCRIPT, "sh", str(root), str(len(folders)), *places, *command),
    ]
    with log.open("w") as output:
        try:
            return subprocess.run(
                everything,
                env={**tools.environment(), "HOME": "/root", **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            output.write(f"\nit did not end within {timeout:g} s\n")
            return 124


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log, in one line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-count:])


def toolchain() -> tuple[Path, Path]:
    """Rust's own folder and cargo's, of this machine."""
    rust = tools.run([tools.find("rustc") or "rustc", "--print", "sysroot"]).strip()
    return Path(rust), Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
