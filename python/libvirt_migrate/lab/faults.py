"""Faults: what breaks on a host of the lab or between two of them, and how it is undone.

Each function does one thing, at once. What is done to the network lies in the host's own namespace, and what
is killed is a process of the lab. Needs nftables besides what the lab needs.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from .errors import LabError
from .host import Host
from .namespaces import enter_host
from .tools import find

#: Where QEMU listens for memory and disks, unless it is told otherwise.
DATA = "49152-49215"
#: Where libvirt's daemon listens.
CONTROL = "16509"

_TABLE = "fault"

# The hosts share a process namespace; a host's own are those that have its host name's namespace.
_QEMU_OF = """for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/uts")" = "$(readlink /proc/self/ns/uts)" ] || continue
    tr '\\0' '\\n' < "$process/cmdline" | grep -q "^guest=$1," && echo "${process#/proc/}"
done 2>/dev/null
exit 0"""

_FULL = """set -e
kept=$(mktemp -d)
cp -a "$1/." "$kept"
mount -t tmpfs -o "size=$2" full "$1"
cp -a "$kept/." "$1"
rm -r "$kept"
dd if=/dev/zero of="$1/.full" bs=4096 2>/dev/null || true"""

_LISTEN = """import socket, sys
taken = [socket.create_server((sys.argv[1], port)) for port in range(int(sys.argv[2]), int(sys.argv[3]) + 1)]
print("ready", flush=True)
sys.stdin.read()"""


def qemu(host: Host, guest: str) -> list[str]:
    """The QEMU processes of a guest on a host, whatever its daemon knows, by their numbers in the lab."""
    return host.run("sh", "-c", _QEMU_OF, "sh", guest).split()


def kill_qemu(host: Host, guest: str) -> None:
    """Kills the guest's QEMU process on a host."""
    host.run("kill", "-KILL", *qemu(host, guest))


def kill_daemon(host: Host) -> None:
    """Kills a host's libvirt daemon; its guests go on."""
    host.stop_daemon(kill=True)


def restart_daemon(host: Host) -> None:
    """Ends a host's libvirt daemon in order and starts it again."""
    host.stop_daemon()
    host.start_daemon()


def drop(host: Host, ports: str, *, peer: str | None = None) -> None:
    """Loses every packet from and to these TCP ports at a host without a word, of one peer or of all."""
    _rules(host, ports, "drop", peer)


def heal(host: Host) -> None:
    """Takes the rules of `drop` away."""
    if _TABLE in host.run("nft", "list", "tables"):
        host.run("nft", "delete", "table", "inet", _TABLE)


def _rules(host: Host, ports: str, verdict: str, peer: str | None) -> None:
    if find("nft") is None:
        raise LabError("faults need a package: apt-get install --no-install-recommends nftables")
    lines = [f"add table inet {_TABLE}"]
    for hook, side in (("input", "saddr"), ("output", "daddr")):
        lines.append(f"add chain inet {_TABLE} {hook} {{ type filter hook {hook} priority 0; }}")
        which = f"ip {side} {peer} " if peer else ""
        for port in ("sport", "dport"):
            lines.append(f"add rule inet {_TABLE} {hook} {which}tcp {port} {ports} {verdict}")
    host.run("nft", "; ".join(lines))


def reset(host: Host, ports: str, *, peer: str | None = None) -> None:
    """Resets the connections from and to these TCP ports that a host has, with one peer or all.

    Both ends learn of it, unless the word of it is lost.
    """
    low, _, high = ports.partition("-")
    which = f"dst {peer} and " if peer else ""
    for port in ("sport", "dport"):
        chosen = f"{which}( {port} >= {low} and {port} <= {high or low} )"
        # It complains of those that it cannot end: they ended with their other side.
        host.run("sh", "-c", f"ss -K state established '{chosen}' || true")


def slow(host: Host, kbit: int) -> None:
    """Lets a host send no more than this many kbit/s."""
    # What goes out between two ticks of the kernel's clock, 4 ms, fits into a burst: else the link is slower.
    burst = max(16, kbit // 8 * 4 // 1000)
    rate = ["rate", f"{kbit}kbit", "burst", f"{burst}kb", "latency", "500ms"]
    host.run("tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", *rate)


def unslow(host: Host) -> None:
    """Takes the limit of `slow` away."""
    host.run("tc", "qdisc", "del", "dev", "eth0", "root")


@contextlib.contextmanager
def full_disk(host: Host, folder: str, size: str = "1m") -> Iterator[None]:
    """Has a folder of the host lie on a file system that is full, with the files that were in it."""
    host.run("sh", "-c", _FULL, "sh", folder, size)
    try:
        yield
    finally:
        host.run("umount", "--lazy", folder)


@contextlib.contextmanager
def taken_ports(host: Host, ports: str) -> Iterator[None]:
    """Has a program of the host listen on these TCP ports of its address, so that nobody else can."""
    low, _, high = ports.partition("-")
    command = [*enter_host(host.pid), sys.executable, "-c", _LISTEN, host.address, low, high or low]
    pipe = subprocess.PIPE
    # Nobody can end it but by its input: what can be killed from here only waits for it.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as program:
        assert program.stdin
        assert program.stdout
        try:
            said = program.stdout.readline()
            if said != "ready\n":
                raise LabError(f"ports {ports} of {host.name} cannot be taken: {said.strip()}")
            yield
        finally:
            program.stdin.close()


@contextlib.contextmanager
def short_memory(host: Host, mib: int) -> Iterator[None]:
    """Leaves a host's daemon, and each QEMU that it starts meanwhile, this much address space above what the
    daemon has. That is some 1.2 GiB, nearly all of it its threads' stacks, and about what a QEMU has without
    its guest's memory.
    """
    number = daemon_number(host)
    has = host.run("sh", "-c", f"grep VmSize /proc/{number}/status").split()[1]
    host.run("prlimit", "--pid", number, f"--as={int(has) * 1024 + (mib << 20)}:")
    try:
        yield
    finally:
        host.run("prlimit", "--pid", number, "--as=unlimited:")


def daemon_number(host: Host) -> str:
    """The number of the host's daemon in the lab."""
    return (host.folder / "run" / "libvirtd.pid").read_text().strip()
