"""Both hosts asked beside the watch over a migration of which nothing is heard: a question may hang too."""

from __future__ import annotations

import threading

from .place import Hosts, Said


class Look:
    """One question to both hosts, on a thread of its own: a green one where Nova has those."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._answers: tuple[Said, Said] | None = None
        threading.Thread(target=self._ask, name="libvirt-migrate-look", daemon=True).start()

    def _ask(self) -> None:
        self._answers = self._hosts.answers()

    def answers(self) -> tuple[Said, Said] | None:
        """What the source and the destination say; `None` while they are asked."""
        return self._answers
