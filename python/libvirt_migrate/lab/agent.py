"""Asks a Linux guest of the lab: has it run a script, and reads what came of that."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from .errors import LabError

#: The virtio-serial port of the guest's own agent (guest/agent.c).
PORT = "org.libvirt_migrate.agent"


def run(domain: Any, pid: int, script: str, timeout: float = 60) -> tuple[int, str]:
    """Runs a script for the shell in a guest; returns its exit code, and what it wrote.

    `domain` is the guest at the host where it runs, `pid` the process that holds that host's namespaces. One
    caller at a time is heard. LabError: the guest did not answer within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    identity, request = uuid.uuid4().hex, script.encode()
    try:
        with _connect(domain, pid) as line:
            line.settimeout(timeout)
            # An empty line first: the guest may have had half a request of somebody else.
            line.sendall(b"\nrun %s %d\n%s" % (identity.encode(), len(request), request))
            return _answer(line, identity.encode(), deadline)
    except (OSError, TimeoutError) as error:
        raise LabError(f"the guest does not answer: {error}") from error


def _connect(domain: Any, pid: int) -> socket.socket:
    # A guest's name is in the path, and may be any text.
    sources = ElementTree.fromstring(domain.XMLDesc()).iterfind("devices/channel/source[@path]")  # noqa: S314
    found = next((one for source in sources if (one := source.get("path", "")).endswith(f"/{PORT}")), None)
    if found is None:
        raise LabError("the guest does not run, or has no agent")
    path = Path(f"/proc/{pid}/root{found}")
    # The name of a socket has 107 bytes at most, and this one may be longer.
    folder = os.open(path.parent, os.O_PATH)
    try:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(f"/proc/self/fd/{folder}/{path.name}")
        except BaseException:
            line.close()
            raise
    finally:
        os.close(folder)
    return line


def _answer(line: socket.socket, identity: bytes, deadline: float) -> tuple[int, str]:
    """The answer to this request; others may come before it."""
    heard = b""
    head = re.compile(rb"(?:^|\n)done " + identity + rb" (\d+) (\d+)\n")
    while True:
        found = head.search(heard)
        if found and len(heard) >= found.end() + int(found[2]):
            said = heard[found.end() : found.end() + int(found[2])]
            return int(found[1]), said.decode(errors="replace")
        line.settimeout(max(deadline - time.monotonic(), 0.001))
        more = line.recv(1 << 16)
        if not more:
            raise LabError("the guest's channel was closed")
        heard += more
