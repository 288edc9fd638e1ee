"""A host's libvirt daemon: its settings, start and end."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from pathlib import Path

from . import certificates
from .errors import LabError
from .namespaces import enter_host
from .tools import environment, run

#: Where the kernel of the lab's guests is, on every host.
KERNEL = "/var/lib/libvirt/guest.elf"

#: libvirt's port for plain TCP.
PORT = 16509

# A blocked call to migrate has a worker to itself, so a daemon with the usual 20 is deaf with 20 migrations.
_LIBVIRTD = """listen_tcp = 1
listen_addr = "{address}"
auth_tcp = "none"
max_workers = 64
auth_unix_rw = "none"
host_uuid = "{uuid}"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""

# Whoever calls the daemon by TLS shows a certificate as well.
_LIBVIRTD_TLS = """listen_tls = 1
ca_file = "/etc/libvirt/{qemu}/ca-cert.pem"
cert_file = "/etc/libvirt/{daemon}/cert.pem"
key_file = "/etc/libvirt/{daemon}/key.pem"
"""

# As root and without labels or groups: the hosts are made of namespaces, not of machines.
_QEMU = """user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
stdio_handler = "file"
migration_address = "{address}"
migration_host = "{address}"
"""

_QEMU_TLS = """migrate_tls_x509_cert_dir = "/etc/libvirt/{qemu}"
migrate_tls_x509_verify = 1
"""

# The daemon asks for the user that it was built for even where its settings name another. Debian makes that
# user with a package of services that the lab does not need.
_ACCOUNTS = {
    "passwd": "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin",
    "group": "libvirt-qemu:x:64055:",
}

_PID_FILE = "libvirtd.pid"


def configure(
    folder: Path,
    name: str,
    address: str,
    addresses: dict[str, str],
    *,
    tls: bool = False,
    root: Path | None = None,
) -> None:
    """Writes a host's settings.

    `addresses` are all hosts of the lab, for /etc/hosts. `root` is where the host's files are, if not in /.
    """
    (folder / "etc").mkdir(parents=True)
    names = "".join(f"{where} {host}\n" for host, where in addresses.items())
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
    for file, line in _ACCOUNTS.items():
        known = (root or Path("/")).joinpath("etc", file).read_text()
        (folder / file).write_text(known if f"\n{line.partition(':')[0]}:" in known else f"{known}{line}\n")
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}@{address}")
    places = {"daemon": certificates.DAEMON, "qemu": certificates.QEMU}
    libvirtd = _LIBVIRTD.format(address=address, uuid=identity)
    libvirtd += _LIBVIRTD_TLS.format(**places) if tls else "listen_tls = 0\n"
    (folder / "etc" / "libvirtd.conf").write_text(libvirtd)
    qemu = _QEMU.format(address=address) + (_QEMU_TLS.format(**places) if tls else "")
    (folder / "etc" / "qemu.conf").write_text(qemu)


def start(folder: Path, pid: int, address: str) -> None:
    """Starts the daemon in a host's namespaces and returns once it can be called."""
    command = [
        *enter_host(pid),
        *("libvirtd", "--daemon", "--listen", "--pid-file", f"/run/libvirt/{_PID_FILE}"),
        *("--config", "/etc/libvirt/libvirtd.conf"),
    ]
    # Its output goes to a file: a daemon keeps a pipe open, and waiting for that one's end would not return.
    log = folder / "log" / "start.log"
    with log.open("w") as output:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            timeout=60,
        )
    if done.returncode:
        logged = folder / "log" / "libvirtd.log"
        reason = logged.read_text().splitlines()[-1:] if logged.exists() else []
        said = log.read_text().strip() or done.returncode
        raise LabError(f"libvirtd does not start: {said} {' '.join(reason)}".strip())
    _await_listening(folder, pid, address)


def _await_listening(folder: Path, pid: int, address: str) -> None:
    """Waits for the port, which is opened only after the daemon has left for the background."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((address, PORT), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > deadline or not _is_running(folder, pid):
                lines = (folder / "log" / "libvirtd.log").read_text().splitlines()
                raise LabError(f"libvirtd does not listen at {address}: {error}; {lines[-3:]}") from None
            time.sleep(0.02)


def _is_running(folder: Path, pid: int) -> bool:
    """Whether the daemon is there. Its number counts in the lab's own process namespace."""
    try:
        number = int((folder / "run" / _PID_FILE).read_text())
    except FileNotFoundError:
        return False
    ask = 'kill -0 "$1" 2>/dev/null && echo yes || echo no'
    there = run([*enter_host(pid), "sh", "-c", ask, "sh", str(number)])
    return there.strip() == "yes"


def stop(folder: Path, pid: int, *, kill: bool = False) -> None:
    """Ends the daemon, with `kill` without asking it; its guests go on."""
    number = int((folder / "run" / _PID_FILE).read_text())
    run([*enter_host(pid), "sh", "-c", 'kill -s "$1" "$2"', "sh", "KILL" if kill else "TERM", str(number)])
    deadline = time.monotonic() + 30
    while _is_running(folder, pid):
        if time.monotonic() > deadline:
            raise LabError(f"libvirtd (process {number} of the lab) does not end")
        time.sleep(0.05)
