"""How many migrations at a time a host's daemon has workers for: each keeps one busy until its end."""

from __future__ import annotations

import re
import subprocess

from ..uris import host_of

#: max_workers of libvirtd.conf and virtqemud.conf, where nobody has set another.
DEFAULT = 20
#: What looks at the migrations, and ends them, takes workers as well.
BESIDE = 2
#: Who may answer for a machine's guests, and the names of their servers.
_DAEMONS = ("virtqemud", "libvirtd")


def workers_of(uri: str) -> int | None:
    """The most workers that a daemon has, by its own word; `None` where it does not tell.

    libvirt tells that to an administrator of the same machine alone.
    """
    if host_of(uri) is not None:
        return None
    for daemon in _DAEMONS:
        command = ["virt-admin", "-c", f"{daemon}:///system", "server-threadpool-info", daemon]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if found := re.search(r"^maxWorkers\s*:\s*(\d+)$", done.stdout, re.MULTILINE):
            return int(found[1])
    return None


def advise(jobs: int, guests: int, workers: int | None) -> str | None:
    """What is said of this many migrations at a time, if there is anything to say."""
    at_once = min(jobs, guests)
    most = (DEFAULT if workers is None else workers) - BESIDE
    if at_once <= most:
        return None
    has = f"has {workers} workers" if workers else f"has {DEFAULT} workers unless max_workers says otherwise"
    return (
        f"the source's daemon {has}, and {at_once} migrations at a time keep as many busy: it may answer "
        f"nobody until one is over. Use --jobs {max(1, most)}, or raise max_workers in libvirtd.conf or "
        "virtqemud.conf"
    )
