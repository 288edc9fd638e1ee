"""`--metrics-file`: the migrations of this run, added to what a file of Prometheus' has of earlier ones.

node_exporter's textfile collector reads such a file. A run of the command is over before anybody could ask
it, so that its counts go on from those in the file: several runs, one after the other or at a time, add up.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import UserError, one_line

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from ..observing import Observer
    from .terminal.output import Output

#: The news of an end come on another thread than the end itself: how long they are waited for, s.
PATIENCE = 2.0
#: A gauge of what runs says nothing in a file that is written at the end.
_LEFT_OUT = ("libvirt_migrate_running",)
#: A sample's name and its labels.
Key = tuple[str, tuple[tuple[str, str], ...]]


@contextmanager
def counted(path: str, out: Output) -> Iterator[None]:
    """Counts the migrations that are started within, and adds them to the file at the end.

    Raises UserError, before anything is started, where that could not be done. What goes wrong later is
    said and changes nothing.
    """
    check_path(path)
    try:
        from prometheus_client import CollectorRegistry

        from ..observing.metrics import Metrics
    except ImportError:
        needed = "pip install 'libvirt-migrate[prometheus]', or Debian's python3-prometheus-client"
        raise UserError(f"--metrics-file needs prometheus-client: {needed}") from None
    from ..observing import add, remove

    read(path)
    registry = CollectorRegistry()
    ends = _Ends(Metrics(registry))
    add(ends.observer)
    try:
        yield
    finally:
        remove(ends.observer)
        ends.wait()
        try:
            _add_to(path, list(registry.collect()))
        except (OSError, UserError) as error:
            why = getattr(error, "strerror", None) or one_line(str(error))
            out.warn(why if isinstance(error, UserError) else f"--metrics-file {path}: {why}")


def check_path(path: str) -> None:
    """Refuses a path that could not be written, or that nobody would read."""
    if not path.endswith(".prom"):
        raise UserError(
            f"--metrics-file {path}: the name must end in .prom, or node_exporter does not read it"
        )
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UserError(f"--metrics-file {path}: there is no folder {folder}")
    # It is written anew each time, and put in the old one's place.
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise UserError(f"--metrics-file {path}: may not be written")


def read(path: str) -> list[Metric]:
    """What the file has; nothing where there is none. Raises UserError where it is something else."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with open(path, encoding="utf-8") as file:
            return list(text_string_to_metric_families(file.read()))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"--metrics-file {path}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"--metrics-file {path}: is no file of metrics; name another one") from None


def _add_to(path: str, new: list[Metric]) -> None:
    """Adds to the file; another run that does so at this moment waits. Raises OSError and UserError."""
    from prometheus_client import CollectorRegistry

    from ..observing.metrics import write

    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        both = CollectorRegistry()
        both.register(_Collected(summed(read(path), new)))
        write(path, both)
    finally:
        os.close(folder)


def summed(old: Iterable[Metric], new: Iterable[Metric]) -> list[Metric]:
    """The counters and histograms of both. One whose buckets have changed begins anew."""
    before = {family.name: family for family in old}
    return [_sum(before.get(family.name), family) for family in new if family.name not in _LEFT_OUT]


def _sum(old: Metric | None, new: Metric) -> Metric:
    from prometheus_client.core import Metric

    samples = _values(new)
    if old is not None and _add_up(_buckets(old), _buckets(new)):
        for key, value in _values(old).items():
            samples[key] = samples.get(key, 0.0) + value
    made = Metric(new.name, new.documentation, new.type)
    for (name, labels), value in samples.items():
        made.add_sample(name, dict(labels), value)
    return made


def _values(family: Metric) -> dict[Key, float]:
    """Its samples, without the times at which series began: each run is a new one."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _buckets(family: Metric) -> set[str]:
    return {sample.labels["le"] for sample in family.samples if "le" in sample.labels}


def _add_up(old: set[str], new: set[str]) -> bool:
    """Whether histograms with these buckets can be added: one that counted nothing has none."""
    return not old or not new or old == new


class _Collected:
    """What a registry asks for its metrics."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


class _Ends:
    """Makes an observer for each migration, and knows whether all of them have heard of its end."""

    def __init__(self, metrics: Any) -> None:
        self._metrics = metrics
        self._changed = threading.Condition()
        self._open = 0

    def observer(self) -> Observer:
        """One of a migration that begins."""
        with self._changed:
            self._open += 1
        return _Counting(self._metrics.observer(), self._one_less)

    def _one_less(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Waits for the last news, `PATIENCE` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, PATIENCE)


class _Counting:
    """An observer that says when it has heard all."""

    def __init__(self, inner: Observer, heard: Any) -> None:
        self._inner, self._heard = inner, heard
        self.started, self.progress = inner.started, inner.progress
        self.decision, self.switchover = inner.decision, inner.switchover

    def ended(self, end: Any) -> None:
        try:
            self._inner.ended(end)
        finally:
            self._heard()
