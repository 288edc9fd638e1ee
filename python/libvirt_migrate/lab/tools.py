"""The programs that a lab is made with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from .errors import LabError

#: Each program, and Debian's package of it.
PROGRAMS = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "gcc": "gcc",
}
#: For a host of this machine's own release; a host of another has its own.
HOST_PROGRAMS = {"libvirtd": "libvirt-daemon", "qemu-system-x86_64": "qemu-system-x86"}
#: For a lab with certificates.
TLS_PROGRAMS = {"certtool": "gnutls-bin"}
#: To make the system of Linux guests.
LINUX_PROGRAMS = {"gcc": "gcc", "apt-get": "apt", "dpkg-deb": "dpkg", "ldd": "libc-bin"}
#: Where they are for root, whatever PATH says.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check(*, tls: bool = False, own_release: bool = True) -> None:
    """Says all that is missing at once, before anything is made."""
    _check(PROGRAMS | (HOST_PROGRAMS if own_release else {}) | (TLS_PROGRAMS if tls else {}))


def check_linux() -> None:
    """The same of what the system of Linux guests is made with."""
    _check(LINUX_PROGRAMS)


def _check(programs: dict[str, str]) -> None:
    problems = []
    if sys.platform != "linux":
        problems.append("Linux, since the hosts are network namespaces")
    elif os.geteuid() != 0:
        problems.append("root, to make network namespaces (try sudo)")
    packages = {package for program, package in programs.items() if find(program) is None}
    if packages:
        problems.append(f"packages: apt-get install --no-install-recommends {' '.join(sorted(packages))}")
    if problems:
        raise LabError("the lab needs " + "; ".join(problems))


def check_root(purpose: str) -> None:
    """Says that something takes root."""
    if os.geteuid() != 0:
        raise LabError(f"this needs root, {purpose} (try sudo)")


def find(program: str) -> str | None:
    """The path of a program, also where PATH lacks the system's own folders."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def environment() -> dict[str, str]:
    """What the lab's programs see of the caller's environment: messages that can be read, and no more."""
    return {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"}


def run(command: Sequence[str], *, timeout: float = 60) -> str:
    """Runs a program to its end and returns what it printed; a failure says what it wrote."""
    try:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(command)} did not end within {timeout:g} s") from None
    if done.returncode:
        raise LabError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
