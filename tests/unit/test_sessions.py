"""What is seen of a guest from the network: an answer that is wrong, late or missing is noticed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from libvirt_migrate.lab import sessions
from libvirt_migrate.lab.sessions import Ping, Session


@contextmanager
def echo(monkeypatch: pytest.MonkeyPatch, change: Callable[[int, bytes], bytes]) -> Iterator[None]:
    """A server that sends back what `change` makes of what came, with how many times something has come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sessions, "ECHO", server.getsockname()[1])

        def serve() -> None:
            line, _ = server.accept()
            with line:
                for number in range(1_000_000):
                    said = line.recv(4096)
                    answer = change(number, said)
                    if not answer:
                        return
                    line.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(10)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_session_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(number: int, said: bytes) -> bytes:
        if number == 20:
            time.sleep(0.5)
        return said

    with echo(monkeypatch, late), Session("127.0.0.1") as session:
        until(lambda: session.answers() > 40)
        assert session.wrong == ""
        assert 0.45 < session.longest_gap() < 10
        start = time.time()
        until(lambda: session.answers(start) > 5)
        assert session.longest_gap(start) < 0.45


def test_a_silence_that_goes_on_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def silent(number: int, said: bytes) -> bytes:
        if number == 5:
            go_on.wait(30)
        return said

    with echo(monkeypatch, silent), Session("127.0.0.1") as session:
        until(lambda: session.longest_gap() > 0.5)
        assert session.answers() == 5
        go_on.set()
        until(lambda: session.answers() > 5)


def test_words_that_are_lost_or_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        echo(monkeypatch, lambda number, said: said[:-8] + b"\xff" * 8 if number == 10 else said),
        Session("127.0.0.1") as session,
    ):
        until(lambda: session.wrong != "")
        assert "came back in place of" in session.wrong


def test_a_session_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        echo(monkeypatch, lambda number, said: b"" if number == 10 else said),
        Session("127.0.0.1") as session,
    ):
        until(lambda: session.wrong != "")


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket takes root")
def test_ping() -> None:
    with Ping("127.0.0.1") as ping, Ping("127.0.0.1") as other:
        until(lambda: ping.answers() > 20 and other.answers() > 20)
        assert ping.longest_gap() < 5
        assert ping.wrong == ""
    with Ping("240.0.0.1") as nobody:
        time.sleep(0.2)
        assert nobody.answers() == 0
