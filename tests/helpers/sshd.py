"""An ssh server on each host of a lab, so that qemu+ssh URIs work there, from here and from host to host."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from libvirt_migrate.lab import Host
from libvirt_migrate.lab.namespaces import enter_host

#: ssh as libvirt calls it, with a key and a list of known hosts of the test's own.
_CLIENT = """#!/bin/sh
exec ssh -i {folder}/key -o BatchMode=yes -o StrictHostKeyChecking=accept-new \\
    -o UserKnownHostsFile={folder}/known_hosts "$@"
"""
#: root's home there is a folder of the test's; whoever logs in sees the host's files and processes.
_SERVER = 'mount --bind "$1/home" /root && exec dropbear -F -E -s -r "$1/host_key" -p "$2:22" -P "$1/$2.pid"'


@contextmanager
def ssh_servers(hosts: list[Host], folder: Path) -> Iterator[dict[str, str]]:
    """Runs them; gives the URI of each host by its name."""
    keys = folder / "home" / ".ssh"
    keys.mkdir(parents=True, mode=0o700)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
    (folder / "key.pub").rename(keys / "authorized_keys")
    _run("dropbearkey", "-t", "ed25519", "-f", str(folder / "host_key"))
    client = folder / "ssh"
    client.write_text(_CLIENT.format(folder=folder))
    client.chmod(0o755)
    with ExitStack() as running:
        for host in hosts:
            running.enter_context(_server(host, folder))
        yield {host.name: f"qemu+ssh://root@{host.address}/system?command={client}" for host in hosts}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)


@contextmanager
def _server(host: Host, folder: Path) -> Iterator[None]:
    inside = ("unshare", "--mount", "sh", "-c", _SERVER, "sh", str(folder), host.address)
    with (folder / f"{host.name}.log").open("w") as log:
        server = subprocess.Popen(
            [*enter_host(host.pid), *inside], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _await(host, server)
        yield
    finally:
        # nsenter waits for its child in another process namespace, which must be ended there.
        number = (folder / f"{host.address}.pid").read_text().strip()
        host.run("kill", number)
        server.wait(30)


def _await(host: Host, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host.address, 22), timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the ssh server has ended"
            assert time.monotonic() < deadline
            time.sleep(0.02)
