"""The process that keeps a lab: it makes it, waits for the word to end it, and leaves nothing behind.

Standard input is the word: a lab that belongs to a process ends with it, however that comes about, since
the kernel closes the pipe. Where the keeper itself is killed, the kernel ends all of the lab's processes, and
with them the namespaces, the network and the mounts; the folder that remains is removed by the next lab.

Usage: keeper NAME RELEASES tied|detached [tls]. RELEASES has a word for each host, with commas between them:
a Debian release, or "here" for this machine's own. Answers with one line of JSON: {"error": …} or the lab's
state. The line "stay" on standard input unties it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from . import certificates, daemon, kernel, network, releases, state, tools
from .errors import LabError
from .namespaces import Namespaces
from .state import HostState, LabState


def make(name: str, wanted: Sequence[str], *, tls: bool = False) -> tuple[LabState, Namespaces]:
    """Makes a lab of one host for each release, whole or not at all; the empty one is this machine's."""
    tools.check(tls=tls, own_release="" in wanted)
    for release in filter(None, wanted):
        releases.require(release)
    folder = state.folder(name)
    with state.lock():
        state.sweep()
        if folder.exists():
            raise LabError(f"a lab named {name!r} is up already")
        subnet = network.choose_subnet()
        folder.mkdir(mode=0o755)
        namespaces = None
        try:
            namespaces = Namespaces()
            lab = _build(name, wanted, subnet, namespaces, tls=tls)
        except BaseException:
            if namespaces:
                namespaces.close()
            state.remove(name)
            raise
        state.write(lab)
    try:
        for host in lab.hosts:
            daemon.start(folder / host.name, host.pid, host.address)
    except BaseException:
        unmake(lab, namespaces)
        raise
    return lab, namespaces


def _build(name: str, wanted: Sequence[str], subnet: int, namespaces: Namespaces, *, tls: bool) -> LabState:
    folder = state.folder(name)
    addresses = {f"host{number}": f"{state.prefix(subnet)}{number}" for number in range(1, len(wanted) + 1)}
    roots = [releases.require(release) if release else None for release in wanted]
    kernel.build(folder / "guest.elf")
    for (host, address), root in zip(addresses.items(), roots, strict=True):
        daemon.configure(folder / host, host, address, addresses, tls=tls, root=root)
    if tls:
        certificates.make(folder, addresses)
    hosts = []
    for (host, address), root, release in zip(addresses.items(), roots, wanted, strict=True):
        pid = namespaces.add_host(host, folder / host, folder / "tls" if tls else None, root)
        (folder / host / "lib" / "guest.elf").write_bytes((folder / "guest.elf").read_bytes())
        hosts.append(HostState(host, address, pid, release))
    keeper, started = state.myself()
    lab = LabState(name, keeper, started, subnet, tuple(hosts), tls)
    network.connect(namespaces.init, lab)
    return lab


def unmake(lab: LabState, namespaces: Namespaces) -> None:
    """Ends a lab."""
    namespaces.close()
    # Whoever still has a connection to a host would wait a quarter of an hour for it when closing it.
    with contextlib.suppress(LabError):
        tools.run(["ss", "-K", "dst", f"{state.prefix(lab.subnet)}0/24"])
    # The kernel removes it a little after the last process, and a new lab may ask before that.
    with contextlib.suppress(LabError):
        tools.run(["ip", "link", "delete", network.cable_name(lab.subnet)])
    state.remove(lab.name)


def _wait(signalled: int, *, tied: bool) -> None:
    """Waits for the end's word: a signal, or the end of standard input while that counts."""
    while tied:
        ready, _, _ = select.select([signalled, sys.stdin.fileno()], [], [])
        if signalled in ready or os.read(sys.stdin.fileno(), 64) != b"stay\n":
            return
        tied = False
        # Whoever waits for the end of the output of the process that has let go must not wait for this one's.
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    select.select([signalled], [], [])


def heed_signals() -> int:
    """From now on a signal ends nothing by itself: what is returned becomes readable then."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    return reader


def main(name: str, hosts: str, mode: str, *options: str) -> int:
    """Keeps one lab."""
    # A signal while the lab is made ends it in order, as an exception.
    signal.signal(signal.SIGTERM, _stop)
    try:
        wanted = ["" if word == "here" else word for word in hosts.split(",")]
        lab, namespaces = make(name, wanted, tls="tls" in options)
    except LabError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        raise
    try:
        # Before anybody knows that there is a lab to end.
        signalled = heed_signals()
        print(json.dumps(asdict(lab)), flush=True)
        # The reader may wait for the end of output rather than of a line.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _wait(signalled, tied=mode == "tied")
    finally:
        unmake(lab, namespaces)
    return 0


def _stop(*_: object) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
