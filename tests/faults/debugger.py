"""A debugger that holds one thread of a guest's QEMU at a place that otherwise only chance finds."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from types import TracebackType

from libvirt_migrate.lab import Host, faults
from libvirt_migrate.lab.namespaces import enter_host

_HIT = "hit Temporary breakpoint"


class Debugger:
    """gdb, attached to the guest's QEMU on a host, with all threads running: `with` starts and ends it."""

    def __init__(self, host: Host, guest: str) -> None:
        (pid,) = faults.qemu(host, guest)
        self._process = subprocess.Popen(
            [*enter_host(host.pid), "gdb", "--quiet", "--nx"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._said = ""
        self._say("set pagination off", "set confirm off", "set non-stop on", f"attach {pid}")
        self._say("echo attached\\n")
        self._wait("attached\n")
        # Threads stop one after the other, and only one that has stopped can be told to go on.
        time.sleep(2)

    def __enter__(self) -> Debugger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._say("detach", "quit")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def expect(self, function: str) -> None:
        """Has the next thread that enters this function of QEMU's stop there."""
        self._say(f"tbreak {function}", "continue -a &")

    def held(self) -> str:
        """Waits for that thread and returns its number."""
        return self._wait(rf"Thread (\d+)[^\n]*{_HIT}", 60)[1]

    def leave(self, thread: str) -> None:
        """Has a thread go on to the end of the function that it is held in."""
        self._say(f"thread {thread}", "finish &")
        self._wait("Run till exit.*?0x.*?\n")
        time.sleep(1)

    def go_to(self, thread: str, function: str) -> None:
        """Has a thread go on until it enters this function."""
        self._say(f"thread {thread}", f"tbreak {function} thread {thread}", "continue &")
        self._wait(_HIT)

    def _say(self, *commands: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{command}\n" for command in commands).encode())
        self._process.stdin.flush()

    def _wait(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        out, deadline = self._process.stdout, time.monotonic() + timeout
        assert out is not None
        while (match := re.search(pattern, self._said, re.DOTALL)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"gdb did not say {pattern!r}: {self._said[-2000:]}"
            if select.select([out], [], [], left)[0]:
                read = os.read(out.fileno(), 65536)
                assert read, f"gdb has ended: {self._said[-2000:]}"
                self._said += read.decode(errors="replace")
        self._said = self._said[match.end() :]
        return match
