"""libvirtd, a message bus with nova-conductor, and nova-compute, in a root of a Debian release.

They end with the namespaces of the root at the latest.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: How long a service may take for what is waited for, in seconds.
PATIENCE = 120.0
OUTPUTS = Path(tempfile.gettempdir())
LOG = Path("/var/log/nova/nova-compute.log")
#: In the place of placement is something that tells a version, without which nova-compute does not start.
PLACEMENT_PORT = 8778
PLACEMENT = f"\n[placement]\nauth_type = none\nendpoint_override = http://127.0.0.1:{PLACEMENT_PORT}\n"
VERSIONS = {
    "versions": [
        {
            "id": "v1.0",
            "min_version": "1.0",
            "max_version": "1.39",
            "status": "CURRENT",
            "links": [{"rel": "self", "href": ""}],
        }
    ]
}
AS_NOVA = ("setpriv", "--reuid", "nova", "--regid", "nova", "--init-groups")


def prepare() -> None:
    """What systemd would have made, a libvirt daemon, and a configuration that names no other service."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/etc/hosts").write_text("127.0.0.1 localhost tried\n")
    socket.sethostname("tried")
    for name, owner in {"libvirt": "root", "lock/nova": "nova", "nova": "nova"}.items():
        folder = Path("/run") / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, owner, owner)
    # polkit lets Nova's user in otherwise, and it is not up here.
    configuration = OUTPUTS / "libvirtd.conf"
    configuration.write_text(
        'unix_sock_group = "libvirt"\nunix_sock_rw_perms = "0770"\nauth_unix_rw = "none"\n'
    )
    subprocess.run(["/usr/sbin/libvirtd", "--daemon", "--config", str(configuration)], check=True)
    for path in (Path("/etc/nova/nova-compute.conf"), Path("/etc/nova/conductor-tried.conf")):
        text = path.read_text() if path.exists() else ""
        path.write_text(re.sub(r"(?m)^virt_type *=.*$", "virt_type=qemu", text) + PLACEMENT)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PLACEMENT_PORT), Placement)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Placement(http.server.BaseHTTPRequestHandler):
    """Tells its version, and has nothing."""

    def do_GET(self) -> None:
        """The versions at the root, and nothing anywhere else."""
        body = json.dumps(VERSIONS).encode() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class Log:
    """nova-compute's log, while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process, self._output = process, output
        self.found: list[str] = []

    def _text(self) -> str:
        return "".join(path.read_text(errors="replace") for path in (self._output, LOG) if path.exists())

    def has(self, pattern: str) -> bool:
        """Whether a line has it."""
        return re.search(pattern, self._text()) is not None

    def wait_for(self, pattern: str, what: str) -> None:
        """Waits for a line; what matches is kept in `found`."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            running = self._process.poll() is None
            match = re.search(pattern, self._text())
            if match:
                self.found.append(match[0])
                return
            if not running:
                break
            time.sleep(0.3)
        lines = [line[:300] for line in self._text().splitlines() if " ERROR nova  " not in line]
        state = "ended" if self._process.poll() is not None else "runs"
        raise RuntimeError(f"nova-compute {state} without {what}: {' / '.join(lines[-4:])}")

    def wait_for_end(self) -> None:
        """Waits for it to end by itself, with a failure."""
        if self._process.wait(PATIENCE) == 0:
            raise RuntimeError("nova-compute ended with 0")


@contextmanager
def compute() -> Iterator[Log]:
    """nova-compute as the package's unit starts it; stopped at the end."""
    LOG.unlink(missing_ok=True)
    output = OUTPUTS / "nova-compute.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*AS_NOVA, "/etc/init.d/nova-compute", "systemd-start"],
            cwd="/var/lib/nova",
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield Log(process, output)
    finally:
        _stop(process)


@contextmanager
def bus() -> Iterator[None]:
    """RabbitMQ and nova-conductor on a database of SQLite."""
    rabbit = _start(
        "rabbitmq-server",
        [
            "setpriv",
            "--reuid",
            "rabbitmq",
            "--regid",
            "rabbitmq",
            "--init-groups",
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
        ],
        {
            "HOME": "/var/lib/rabbitmq",
            "RABBITMQ_NODENAME": "tried@localhost",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        },
    )
    conductor = None
    try:
        manage = [*AS_NOVA, "nova-manage", "db", "sync", "--local_cell"]
        subprocess.run(manage, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", 5672)):
                break
            if time.monotonic() > end:
                raise RuntimeError("RabbitMQ does not answer")
            time.sleep(0.3)
        files = ["--config-file", "/etc/nova/nova.conf", "--config-file", "/etc/nova/conductor-tried.conf"]
        conductor = _start("nova-conductor", [*AS_NOVA, "nova-conductor", *files], {})
        yield
    finally:
        for process in filter(None, (conductor, rabbit)):
            _stop(process)


def _start(name: str, command: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
    with (OUTPUTS / f"{name}.out").open("wb") as file:
        return subprocess.Popen(
            command, env=os.environ | more, stdout=file, stderr=file, cwd="/", start_new_session=True
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends it and what it started, politely first."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
