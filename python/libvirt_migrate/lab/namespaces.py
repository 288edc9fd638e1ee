"""The namespaces of a lab and of its hosts. They have no names, so the kernel removes them by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .errors import LabError
from .tools import environment

#: The lab's own process 1. It takes over QEMU processes, so it must not leave dead children lying about,
#: and the kernel buries the children of a process that ignores their end.
_INIT = "echo ready; exec env --ignore-signal=CHLD sleep infinity"

#: A host's folders, each put over the machine's own. Its arguments: the host's folder, its name, the folder
#: of the certificates or nothing, and the root of another release or nothing.
_HOST = """set -e
cd "$1"
mkdir -p etc run lib cache log
# Hosts share the root of a release, so nobody writes to it. /tmp is this machine's, as it is for other hosts.
if [ "$4" ]; then
    mount --bind "$4" "$4"
    mount -o remount,bind,ro "$4"
    for place in dev proc sys tmp; do
        mount --rbind "/$place" "$4/$place"
    done
fi
# The machine's /etc with files of the host's own in it. Nothing is mounted on a file: passwd is replaced with
# every account that somebody adds to the machine, and what was mounted on it goes with the old one.
mkdir own
mount -t tmpfs lab own
mkdir own/below own/above own/work
cp hosts passwd group own/above
mount --bind "$4/etc" own/below
mount -t overlay lab -o lowerdir=own/below,upperdir=own/above,workdir=own/work "$4/etc"
mount --bind etc "$4/etc/libvirt"
# Whole folders, since the daemon makes more of them than its own, and none may stay on the machine. What is
# behind them is still reached by a relative path.
for place in run:/run lib:/var/lib cache:/var/cache log:/var/log; do
    over="$4${place#*:}"
    mount -t tmpfs lab "$over"
    mkdir "$over/libvirt"
    mount --bind "${place%%:*}" "$over/libvirt"
done
# The machine's own shows the machine's network devices, which the daemon would take for the host's.
mount -t sysfs lab "$4/sys"
hostname "$2"
# A client's certificates have the same path everywhere, since it is a part of URIs.
if [ "$3" ]; then
    mkdir -p "$4$3"
    mount --no-canonicalize --bind ../tls "$4$3"
fi
# The root of the namespace, not only of this process, so that whoever enters it is there.
if [ "$4" ]; then
    cd "$4"
    pivot_root . .
    umount --lazy .
    cd /
fi
echo ready
exec sleep infinity"""


class Namespaces:
    """The processes that hold the namespaces. Ending the first one ends everything in the lab."""

    def __init__(self) -> None:
        # Should the keeper be killed, the kernel ends `unshare`, that ends the lab's process 1, and the
        # kernel all the rest.
        self._outer = _start([
            *("setpriv", "--pdeathsig", "KILL", "--"),
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
            *("sh", "-c", _INIT),
        ])  # fmt: skip
        self._hosts: list[subprocess.Popen[str]] = []
        try:
            _await_ready(self._outer)
            self.init = _child_of(self._outer.pid)
        except BaseException:
            self.close()
            raise

    def add_host(self, name: str, folder: Path, tls: Path | None = None, root: Path | None = None) -> int:
        """Makes a host's namespaces, with the lab's certificates; returns the process that holds them.

        `root` is the folder with the files of another release, for a host of that one.
        """
        host = _start([
            *enter(self.init, "net", "mnt", "pid"),
            *("unshare", "--net", "--mount", "--uts", "--"),
            *("sh", "-c", _HOST, "sh", str(folder), name, str(tls or ""), str(root or "")),
        ])  # fmt: skip
        self._hosts.append(host)
        _await_ready(host)
        return _child_of(host.pid)

    def close(self) -> None:
        """Ends every process of the lab, and waits until that is so."""
        self._outer.kill()
        for process in (self._outer, *self._hosts):
            process.wait()
            if process.stdout:
                process.stdout.close()


def enter(pid: int, *kinds: str) -> list[str]:
    """What to put before a command that is to run in a process's namespaces: net, mnt, uts, pid."""
    long = {"net": "net", "mnt": "mount", "uts": "uts", "pid": "pid"}
    flags = [f"--{long[kind]}=/proc/{pid}/ns/{kind}" for kind in kinds]
    return ["nsenter", *flags, "--"]


def enter_host(pid: int) -> list[str]:
    """What to put before a command that is to run on a host."""
    return enter(pid, "net", "mnt", "uts", "pid")


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _await_ready(process: subprocess.Popen[str]) -> None:
    stdout = process.stdout
    if stdout is None:
        raise AssertionError("started with a pipe")
    line = stdout.readline()
    if line != "ready\n":
        process.kill()
        message = (line + stdout.read()).strip()
        raise LabError(f"a namespace cannot be made here: {message or 'the process ended at once'}")


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
