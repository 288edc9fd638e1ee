"""Gets a Debian release with debootstrap, whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .._mask import mask
from . import mirror, releases, state, tools
from .errors import LabError
from .line import Line
from .releases import Release

#: What a release takes while it is made, and more than it takes afterwards, in bytes.
ROOM = 2 << 30

#: Everything in namespaces of its own: whatever ends it, no mount and no process is left. Its arguments: the
#: release, the folder, the mirror, and the packages.
_SCRIPT = """set -e
release=$1 root=$2 mirror=$3
shift 3
debootstrap --variant=minbase --force-check-gpg "$release" "$root" "$mirror"
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf 'APT::Install-Recommends "false";\\nAPT::Sandbox::User "root";\\n' > "$root/etc/apt/apt.conf.d/90lab"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
inside="chroot $root env DEBIAN_FRONTEND=noninteractive apt-get --quiet"
$inside install --yes "$@"
$inside clean
rm -rf "$root"/var/lib/apt/lists/*
# A host's own is put over it, and it is not there by itself.
touch "$root/etc/hosts"
"""

_VERSIONS = r"""dpkg-query -W -f '${source:Upstream-Version}\n' libvirt0 qemu-system-x86
python3 -c 'import platform; print(platform.python_version())'"""

Say = Callable[[str], None]


def make(name: str, say: Say, *, anew: bool = False) -> Release:
    """Gets a release, unless it is here already and `anew` is not set.

    `say` hears each line of debootstrap and apt-get. It takes a few minutes and 700 MiB. LabError says what
    is missing: root, debootstrap, room, a mirror or the network.
    """
    path = releases.folder(name)
    with _lock(path):
        found = releases.find(name)
        if found is not None and not anew:
            return found
        _check(path)
        draft = path.with_name(f"{path.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            _run(_command(name, draft), path.with_name(f"{path.name}.log"), say)
            release = _release(name, draft)
            releases.mark(draft, release)
            shutil.rmtree(path, ignore_errors=True)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return release


def get(name: str, *, anew: bool = False) -> Release:
    """The same with one line of progress on standard error."""
    line = Line(sys.stderr)
    try:
        return make(name, lambda text: line.show(f"{name}: {text}"), anew=anew)
    finally:
        line.end()


def _check(path: Path) -> None:
    tools.check_root("to make a Debian release")
    if tools.find("debootstrap") is None:
        raise LabError("a Debian release needs debootstrap: apt-get install debootstrap")
    free = shutil.disk_usage(path.parent).free
    if free < ROOM:
        needed = f"{ROOM >> 20} MiB, and {path.parent} has {free >> 20} MiB"
        raise LabError(f"no room for {path.name}: it needs {needed} (LIBVIRT_MIGRATE_RELEASES names another)")
    for name in state.names() if path.exists() else ():
        lab = state.read(name)
        if lab and lab.is_alive() and any(host.release == path.name for host in lab.hosts):
            raise LabError(f"{path.name} is in use: the lab {name!r} has a host of it")


def _command(name: str, draft: Path) -> list[str]:
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--"),
        *("sh", "-c", _SCRIPT, "sh", name, str(draft), mirror.find(), *releases.packages(name)),
    ]


def _run(command: list[str], log: Path, say: Say) -> None:
    """Runs it to its end; the log keeps all that it said, and the error has the last of it."""
    last = ""
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command,
            env=tools.environment() | mirror.proxies(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for text in process.stdout or ():
                # A mirror's URI may have a password.
                line = mask(text)
                kept.write(line)
                if line.strip():
                    last = line.strip()
                    say(last)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise LabError(f"debootstrap or apt-get failed: {last} ({log} has all of it)")


def _release(name: str, root: Path) -> Release:
    said = tools.run(["chroot", str(root), "sh", "-c", _VERSIONS]).split()
    if len(said) != 3:
        raise LabError(f"{name} does not tell its versions of libvirt, QEMU and Python: {said}")
    libvirt, qemu, python = (version.partition("+")[0] for version in said)
    return Release(name, time.time(), libvirt, qemu, python, releases.packages(name))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held while a release is made, so that two never make the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise LabError(f"{path.parent} cannot be written to: {error.strerror}") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
