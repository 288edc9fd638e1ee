"""`--report`: what is recorded of a migration, and where it is written."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from ..ages import aged
from ..errors import UserError, one_line
from .record import Record

if TYPE_CHECKING:
    from ... import Convergence, Migration, Progress
    from ..terminal.output import Output

#: QEMU's own limit of the pause, in force until another one is set, s.
QEMU_LIMIT = 0.3
#: As many points as a line of the page can show.
MOST = 2000


def check_path(path: str) -> None:
    """Refuses a path that could not be written, before anything is moved."""
    if not path.endswith((".html", ".svg")):
        raise UserError(f"--report {path}: the name must end in .html or .svg")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UserError(f"--report {path}: there is no folder {folder}")
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise UserError(f"--report {path}: may not be written")


class Recorder:
    """Takes the news of a migration, on the thread that tells them."""

    def __init__(
        self, path: str, name: str, route: str, convergence: Convergence | None, *, age: float = 0.0
    ) -> None:
        #: How long it had run when it was found, s.
        self._age = age
        self._path = path
        self._name, self._route, self._convergence = name, route, convergence
        self._began = time.strftime("%Y-%m-%d %H:%M:%S %z")
        self._samples: list[Progress] = []
        self._switchover: float | None = None
        self._ended = threading.Event()

    def take(self, progress: Progress) -> None:
        """A progress. A long migration is thinned out, so that the page stays small."""
        self._samples.append(progress)
        if len(self._samples) > 2 * MOST:
            del self._samples[1::2]

    def switch(self, elapsed: float) -> None:
        """The switchover."""
        self._switchover = elapsed

    def end(self, _: object) -> None:
        """The last news."""
        self._ended.set()

    @property
    def callbacks(self) -> dict[str, Any]:
        """What start_migration and adopt_migration take."""
        return {"on_progress": self.take, "on_switchover": self.switch, "on_end": self.end}

    def write(self, migration: Migration, out: Output) -> None:
        """Writes the page; what goes wrong is said and changes nothing, since the guest has moved."""
        from .page import page
        from .plot import plot

        path = self._path
        try:
            record = self.record(migration)
            text = page(record) if path.endswith(".html") else plot(record)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            out.warn(f"--report {path}: {error.strerror or one_line(str(error))}")
        else:
            out.note(f"report: {path}")
            out.event("report", guest=self._name, path=path)

    def record(self, migration: Migration) -> Record:
        """What is known of it, once it is over."""
        from ... import LibvirtError, MigrationCancelled

        # The news come on another thread than the end.
        self._ended.wait(2.0)
        message, result = None, "moved"
        try:
            outcome: Any = aged(migration.result(), self._age)
        except LibvirtError as error:
            message, outcome = one_line(error.message), getattr(error, "outcome", None)
            result = "cancelled" if isinstance(error, MigrationCancelled) else "failed"
        decisions = [aged(decision, self._age) for decision in migration.decisions]
        limits = [(0.0, QEMU_LIMIT)]
        limits += [(d.at, d.max_downtime) for d in decisions if d.max_downtime is not None and not d.error]
        return Record(
            name=self._name,
            route=self._route,
            began=self._began,
            samples=[aged(sample, self._age) for sample in self._samples],
            decisions=decisions,
            switchover=None if self._switchover is None else self._switchover + self._age,
            total_time=outcome.total_time if outcome else 0.0,
            downtime=outcome.downtime if outcome else None,
            moved=outcome.bytes if outcome else 0,
            iterations=outcome.iterations if outcome else 0,
            location=outcome.guest_location if outcome else "unknown",
            result=result,
            message=message,
            intent=_intent(self._convergence),
            limits=limits,
        )


def _intent(convergence: Convergence | None) -> str:
    """What was wanted and allowed, in words."""
    if convergence is None:
        return "watched only"
    from ..terminal.values import show_time

    words = [f"a pause of at most {show_time(convergence.max_downtime)}"]
    if convergence.deadline is not None:
        words.append(f"{convergence.on_deadline} after {show_time(convergence.deadline)}")
    words += [name for name, allowed in _allowed(convergence) if allowed]
    return ", ".join(words)


def _allowed(convergence: Convergence) -> list[tuple[str, bool]]:
    return [
        ("post-copy allowed", convergence.post_copy),
        ("throttling allowed", convergence.throttle),
        ("at both hosts at no moment", convergence.exclusive),
    ]
