"""What a guest tells of itself: that it runs, what it has counted, and for how long it stood still."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass

from .errors import LabError

#: Gaps shorter than this are the emulator's own, in seconds.
_SHORTEST_GAP = 0.004
#: What a guest counts from one line to the next at most; it writes one every 20 ms.
_STEP = 2000
#: Linux's numbers of options that Python does not name on every version.
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33


@dataclass(frozen=True)
class Gap:
    """A silence of the guest, in seconds; `start` is on the clock of `time.time()`."""

    start: float
    length: float


@dataclass
class Turn:
    """A time in which one host's process of the guest spoke, on the clock of `time.time()`."""

    sender: str
    start: float
    end: float


class Beats:
    """Listens to one guest.

    Arrival is stamped by the kernel, so that a busy Python process sees no pauses that were not there.
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        # Room for seconds of beats, beyond what the machine allows a process without root.
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        self._socket.bind((address, 0))
        self._socket.settimeout(0.1)
        #: The UDP port that the guest's serial line is to send to.
        self.port: int = self._socket.getsockname()[1]
        self._changed = threading.Condition()
        self._gaps: list[Gap] = []
        self._turns: list[Turn] = []
        self._last: float | None = None
        self._passes: int | None = None
        #: The last line.
        self._line: tuple[int, int] | None = None
        self._errors = 0
        #: The last lines: when each came, by which host, and which pass it was.
        self._lines: deque[str] = deque(maxlen=60)
        #: How its count fell back; empty if it never did.
        self._fell_back = ""
        self._text = b""
        #: The last lines that are no beats: a kernel that panics says so.
        self._said: deque[str] = deque(maxlen=12)
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="lab-beats", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        size = socket.CMSG_SPACE(16)
        while not self._closed:
            try:
                data, extra, _, sender = self._socket.recvmsg(2048, size)
            except TimeoutError:
                continue
            except OSError:
                return
            seconds, nanoseconds = struct.unpack("qq", extra[0][2])
            with self._changed:
                self._arrived(seconds + nanoseconds / 1e9, data, sender[0])
                self._changed.notify_all()

    def _arrived(self, now: float, data: bytes, sender: str) -> None:
        if not self._turns or self._turns[-1].sender != sender:
            self._turns.append(Turn(sender, now, now))
        self._turns[-1].end = now
        if self._last is not None and now - self._last >= _SHORTEST_GAP:
            self._gaps.append(Gap(self._last, now - self._last))
        self._last = now
        self._text += data.replace(b".", b"")
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            if found := re.fullmatch(rb"p([0-9a-f]{8}) e([0-9a-f]{8})", line):
                self._read(now, sender, int(found[1], 16), int(found[2], 16))
            elif line.strip():
                self._said.append(line.decode(errors="replace").strip())

    def _read(self, now: float, sender: str, passes: int, errors: int) -> None:
        """Takes a line that goes on from the one before: one that lost bytes may look like another."""
        before, self._line = self._line, (passes, errors)
        self._lines.append(f"{now % 1000:.3f} {sender.rpartition('.')[2]} {passes}")
        if before is None or not 0 <= passes - before[0] <= _STEP or errors != before[1]:
            return
        if passes < (self._passes or 0) and not self._fell_back:
            self._fell_back = f"pass {passes} after {self._passes}: {', '.join(self._lines)}"
        self._passes, self._errors = passes, errors

    @property
    def passes(self) -> int:
        """How often the guest has counted through its working set, by its last line."""
        with self._changed:
            return self._passes or 0

    @property
    def errors(self) -> int:
        """On how many pages the guest has found another number than it had left there."""
        with self._changed:
            return self._errors

    def is_intact(self) -> bool:
        """Whether every page was right so far, and the count never fell back."""
        with self._changed:
            return self._errors == 0 and not self._fell_back

    @property
    def fell_back(self) -> str:
        """How its count fell back, by which it has lost what it did since; empty if it never did."""
        with self._changed:
            said = f"; it said: {' / '.join(self._said)}" if self._said else ""
            return self._fell_back + said if self._fell_back else ""

    def longest_gap(self, since: float = 0, until: float = float("inf")) -> float:
        """The longest silence between two times of `time.time()`, in seconds, also where it only overlaps."""
        with self._changed:
            gaps = [gap.length for gap in self._gaps if gap.start + gap.length > since and gap.start < until]
        return max(gaps, default=0.0)

    def turns(self, since: float = 0) -> list[Turn]:
        """Which host's process spoke, one after the other, after a time of `time.time()`.

        A host that comes twice in one migration ran beside the other one.
        """
        with self._changed:
            return [Turn(turn.sender, turn.start, turn.end) for turn in self._turns if turn.end > since]

    def wait_for_passes(self, more: int = 1, timeout: float = 30) -> None:
        """Waits until the guest has counted through its working set `more` times from now."""
        with self._changed:
            first = self._passes
            goal = more if first is None else first + more
            if not self._changed.wait_for(lambda: (self._passes or 0) >= goal, timeout):
                said = f"; it said: {' / '.join(self._said)}" if self._said else ""
                raise LabError(
                    f"the guest is silent or stuck: pass {self._passes}, {timeout:g} s ago {first}{said}"
                )

    def forget(self) -> None:
        """Forgets everything heard so far: the guest is about to start anew, and will count from 0."""
        with self._changed:
            self._gaps.clear()
            self._turns.clear()
            self._last = self._passes = self._line = None
            self._errors, self._fell_back, self._text = 0, "", b""

    def is_silent(self, seconds: float = 0.5) -> bool:
        """Waits, and tells whether the guest said nothing in the meantime."""
        start = time.time()
        time.sleep(seconds)
        with self._changed:
            return self._last is None or self._last < start

    def close(self) -> None:
        """Stops listening."""
        self._closed = True
        self._thread.join()
        self._socket.close()
