"""What others on the network see of a guest while it moves: a TCP session and a ping that go on."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
import threading
import time

#: The port at which a Linux guest sends back what it hears.
ECHO = 7
#: The time between two words, s.
_PAUSE = 0.005


class _Watch:
    """Says a word every few milliseconds, and notes when an answer came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[float] = []
        self._wrong = ""
        self._closed = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._speak, self._hear)]
        for thread in self._threads:
            thread.start()

    def _speak(self) -> None:
        raise NotImplementedError

    def _hear(self) -> None:
        raise NotImplementedError

    def _note(self) -> None:
        with self._lock:
            self._heard.append(time.time())

    def _fail(self, error: object) -> None:
        with self._lock:
            self._wrong = self._wrong or ("" if self._closed else str(error))

    @property
    def wrong(self) -> str:
        """What has gone wrong with it, or nothing."""
        with self._lock:
            return self._wrong

    def answers(self, since: float = 0) -> int:
        """How many answers have come since a time of `time.time()`."""
        with self._lock:
            return sum(when >= since for when in self._heard)

    def longest_gap(self, since: float = 0, until: float = float("inf")) -> float:
        """The longest time without an answer between two times of `time.time()`, in seconds."""
        with self._lock:
            heard = [*self._heard, min(time.time(), until)]
        pairs = [pair for pair in itertools.pairwise(heard) if pair[1] > since and pair[0] < until]
        return max((later - earlier for earlier, later in pairs), default=0.0)

    def close(self) -> None:
        """Ends it."""
        self._closed = True
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session(_Watch):
    """A TCP session with the guest, which sends back all that it hears, in order."""

    def __init__(self, address: str) -> None:
        self._socket = socket.create_connection((address, ECHO), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)
        super().__init__()

    def _speak(self) -> None:
        number = 0
        while not self._closed:
            try:
                self._socket.sendall(struct.pack("!Q", number))
            except OSError as error:
                self._fail(error)
                return
            number += 1
            time.sleep(_PAUSE)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _hear(self) -> None:
        number, rest = 0, b""
        while True:
            try:
                said = self._socket.recv(4096)
            except OSError as error:
                said = b""
                self._fail(error)
            if not said:
                self._fail("the session has ended")
                return
            rest += said
            while len(rest) >= 8:
                (got,), rest = struct.unpack("!Q", rest[:8]), rest[8:]
                if got != number:
                    self._fail(f"{got} came back in place of {number}")
                    return
                number += 1
            self._note()

    def close(self) -> None:
        """Ends it."""
        super().close()
        self._socket.close()


class Ping(_Watch):
    """ICMP echo requests; an answer that does not come is no fault, only a gap."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.settimeout(0.1)
        self._identity = int.from_bytes(os.urandom(2), "big")
        super().__init__()

    def _speak(self) -> None:
        number = 0
        while not self._closed:
            number = (number + 1) & 0xFFFF
            request = struct.pack("!BBHHH", 8, 0, 0, self._identity, number)
            # Nobody may know its hardware address just now.
            with contextlib.suppress(OSError):
                check = struct.pack("!H", _checksum(request))
                self._socket.sendto(request[:2] + check + request[4:], (self._address, 0))
            time.sleep(_PAUSE)

    def _hear(self) -> None:
        while not self._closed:
            try:
                packet, (sender, _) = self._socket.recvfrom(2048)
            except OSError:
                continue
            kind, _, _, identity = struct.unpack_from("!BBHH", packet, (packet[0] & 15) * 4)
            if (sender, kind, identity) == (self._address, 0, self._identity):
                self._note()

    def close(self) -> None:
        """Ends it."""
        super().close()
        self._socket.close()


def _checksum(message: bytes) -> int:
    """The Internet's checksum of a message of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
