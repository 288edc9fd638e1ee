"""A Debian release's root with more packages, for one run: the lab's own is below it and stays as it is."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from libvirt_migrate.lab import mirror, releases, tools

#: Its arguments: the lab's root, the folder of this run, the count of folders, each of these with its place
#: below /mnt, and the program. What the program changes is in the folder of this run.
_SCRIPT = """set -e
below=$1 here=$2 count=$3
shift 3
root=$here/root
mount -t overlay overlay -o "lowerdir=$below,upperdir=$here/upper,workdir=$here/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs inside "$root/run"
mkdir "$root/run/lock"
mount -t tmpfs inside "$root/mnt"
if [ -e /etc/resolv.conf ]; then cat /etc/resolv.conf > "$root/etc/resolv.conf"; fi
while [ "$count" -gt 0 ]; do
    mkdir "$root/mnt/$2"
    mount --bind "$1" "$root/mnt/$2"
    shift 2
    count=$((count - 1))
done
# Not chroot alone: who enters a namespace that is made in there (the lab does) would be outside again.
cd "$root"
mkdir mnt/.outside
pivot_root . mnt/.outside
exec chroot . sh -c 'umount --lazy /mnt/.outside && rmdir /mnt/.outside && exec "$@"' sh "$@"
"""


class Root:
    """A release's root for this run."""

    def __init__(self, below: Path, folder: Path, log: Path) -> None:
        self._below, self._folder, self._log = below, folder, log

    def install(self, packages: Sequence[str]) -> None:
        """Installs Debian's packages; no service is started. Raises RuntimeError."""
        # A mirror that stands still is no older than the root.
        old = ("-o", "Acquire::Check-Valid-Until=false")
        self._run(["apt-get", "--quiet", *old, "update"], network=True)
        # It is thrown away, so nothing has to reach the disk.
        quick = ("-o", "Dpkg::Options::=--force-unsafe-io")
        self._run(["apt-get", "--quiet", *quick, "install", "--yes", *packages], network=True)

    def _run(self, command: Sequence[str], *, network: bool) -> None:
        last = [""]

        def hear(line: str) -> None:
            last[0] = line or last[0]

        code = self.run(command, folders={}, hear=hear, network=network)
        if code:
            raise RuntimeError(f"{' '.join(command)} ended with {code}: {last[0]}")

    def run(
        self,
        command: Sequence[str],
        *,
        folders: Mapping[str, Path],
        hear: Callable[[str], None],
        network: bool = False,
    ) -> int:
        """Runs a program to its end, with `folders` below /mnt; returns its exit code. `hear` gets its lines.

        It has a network of its own, with nothing in it, unless `network` is set. What it started
        ends with it.
        """
        places = [word for name, path in folders.items() for word in (str(path.resolve()), name)]
        more = mirror.proxies() if network else {}
        command = [
            *(
                "setpriv",
                "--pdeathsig",
                "KILL",
                "--",
                "unshare",
                "--mount",
                "--uts",
                "--ipc",
                "--pid",
                "--fork",
            ),
            *("--kill-child=KILL", *(() if network else ("--net",)), "--", "sh", "-c", _SCRIPT, "sh"),
            *(str(self._below), str(self._folder), str(len(folders)), *places, *command),
        ]
        with (
            self._log.open("a") as log,
            subprocess.Popen(
                command,
                env=tools.environment() | {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"} | more,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    log.write(line)
                    log.flush()
                    hear(line.strip())
            except BaseException:
                process.kill()
                raise
        return process.returncode


@contextmanager
def root(release: str, log: Path, below: Path | None = None) -> Iterator[Root]:
    """A root of a release that the lab has, or of the folder `below`; gone afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    folder = Path(tempfile.mkdtemp(prefix=f".{release}-", dir=releases.roots()))
    try:
        for name in ("root", "upper", "work"):
            (folder / name).mkdir()
        yield Root(below or releases.require(release), folder, log)
    finally:
        shutil.rmtree(folder)
