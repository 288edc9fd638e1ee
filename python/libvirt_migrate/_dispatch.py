"""Callbacks, logging and asyncio for migrations, on Python threads of this package's own.

The native side puts news into a queue. One thread takes them, writes the log and calls the user's functions:
never libvirt's event thread, and no lock is held meanwhile. Futures of asyncio have a thread of their own, so
that a callback that takes its time does not hold up whoever awaits another migration.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import MigrationCancelled, MigrationError
from .observing.makers import MAKERS

if TYPE_CHECKING:
    from ._core import Decision, Migration, Outcome, Progress

#: Where everything is told: INFO for the start, each decision, the switchover and the end; DEBUG for samples.
logger = logging.getLogger("libvirt_migrate")

_Callback = Callable[[Any], object] | None


class _Queue:
    """A queue of news and the thread that takes them, started when it is first needed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._updates: _core._Updates | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    def updates(self) -> _core._Updates:
        """The queue, of this process: a fork has neither the thread nor a use for the parent's news."""
        with self._lock:
            if self._updates is None or self._process != os.getpid():
                self._updates, self._process = _core._Updates(), os.getpid()
                self._thread = threading.Thread(
                    target=self._run, args=(self._updates,), name=self._name, daemon=True
                )
                self._thread.start()
            return self._updates

    @staticmethod
    def _run(updates: _core._Updates) -> None:
        while (taken := updates.take()) is not None:
            function, news = taken
            for kind, what in news:
                try:
                    function(kind, what)
                except BaseException:
                    # A receiver reports its own faults; this is one of the report.
                    sys.excepthook(*sys.exc_info())

    def close(self) -> None:
        """Ends the thread: once the interpreter goes, a thread that comes back from native code is killed."""
        if self._updates is None or self._thread is None or self._process != os.getpid():
            return
        self._updates.close()
        # Not for ever: it may be in a callback.
        self._thread.join(timeout=1.0)


_news = _Queue("libvirt-migrate-news")
_futures = _Queue("libvirt-migrate-futures")


@atexit.register
def _close() -> None:
    _core._close()
    _news.close()
    _futures.close()


def call_apart(
    function: Callable[..., object], args: tuple[Any, ...], keywords: dict[str, Any], waiter: _core._Waiter
) -> None:
    """Makes a call that may block for long, on a thread that the interpreter's end may find in it."""

    def call() -> None:
        try:
            function(*args, **keywords)
        except BaseException as error:
            waiter.tell(error)
        else:
            waiter.tell()

    threading.Thread(target=call, name="libvirt-migrate-call", daemon=True).start()


def _green_threads() -> bool:
    """Whether eventlet has made this process's threads green ones, of which one call can stop all."""
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched("thread"))


_unheard = threading.local()


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """For a native thread that waits for a migration's end itself, in a process of green ones.

    What is adopted meanwhile tells nothing, and is not refused for that.
    """
    _unheard.here = True
    try:
        yield
    finally:
        _unheard.here = False


def check_threads() -> None:
    """Refuses where a migration in the background could not tell anything."""
    if _green_threads() and not getattr(_unheard, "here", False):
        raise MigrationError(
            "eventlet has replaced this process's threads, and callbacks need real ones: call Guest.migrate()"
        )


_exposed: set[str] = set()


def warn_exposed(address: str) -> None:
    """Warns of memory or disks that are sent in the clear, once for each address (src/exposure.rs)."""
    if address not in _exposed:
        _exposed.add(address)
        logger.warning(
            "the guest's memory or disks will be sent unencrypted to %s, which is a public address; "
            "MigrateFlags.TLS encrypts them (docs/security.md)",
            address,
        )


def receiver(
    on_progress: _Callback, on_switchover: _Callback, on_end: _Callback
) -> tuple[_core._Updates, Callable[[str, Any], None], bool] | None:
    """Where the native side puts a migration's news: queue, function, and whether every sample is wanted.

    `None` where there is no thread to be had.
    """
    if _green_threads():
        return None
    every = on_progress is not None or bool(MAKERS) or logger.isEnabledFor(logging.DEBUG)
    return _news.updates(), _Receiver(on_progress, on_switchover, on_end), every


def _made(make: Callable[[], Any]) -> Any:
    """An observer, or nothing where it cannot be made: that ends no migration."""
    try:
        return make()
    except Exception:
        logger.exception("an exception in making an observer, which changes nothing")
        return None


class _Receiver:
    """Logs one migration's news and calls the user's functions."""

    def __init__(self, on_progress: _Callback, on_switchover: _Callback, on_end: _Callback) -> None:
        self._callbacks = {"progress": on_progress, "switchover": on_switchover, "ended": on_end}
        self._guest = "the guest"
        self._observers = [observer for make in tuple(MAKERS) if (observer := _made(make)) is not None]

    def __call__(self, kind: str, what: Any) -> None:
        try:
            getattr(self, f"_{kind}")(what)
        except BaseException:
            logger.exception("%s: a fault in the log of the migration", self._guest)
        for observer in self._observers:
            try:
                getattr(observer, kind)(what[0] if kind == "started" else what)
            except BaseException:
                logger.exception("%s: an exception in an observer, which changes nothing", self._guest)
        callback = self._callbacks.get(kind)
        if callback is None:
            return
        try:
            callback(what)
        except BaseException:
            # Whatever it is, it ends neither the migration nor this thread.
            name = {"ended": "on_end"}.get(kind, f"on_{kind}")
            logger.exception("%s: an exception in %s, which changes nothing", self._guest, name)

    def _started(self, what: tuple[str, str]) -> None:
        self._guest, doing = what
        logger.info("%s: %s", self._guest, doing)

    def _progress(self, progress: Progress) -> None:
        logger.debug("%s: %r", self._guest, progress)

    def _decision(self, decision: Decision) -> None:
        logger.info("%s: after %.1f s: %s", self._guest, decision.at, decision)

    def _switchover(self, elapsed: float) -> None:
        logger.info("%s: stopped here and starts at the destination after %.1f s", self._guest, elapsed)

    def _ended(self, end: Outcome | BaseException) -> None:
        if not isinstance(end, BaseException):
            pause = "" if end.downtime is None else f", paused for {end.downtime * 1000:.0f} ms"
            logger.info(
                "%s: migrated in %.1f s (%d iterations, %d MiB%s); it is %s",
                self._guest,
                end.total_time,
                end.iterations,
                end.bytes >> 20,
                pause,
                end.guest_location,
            )
        elif isinstance(end, MigrationCancelled):
            logger.info("%s: the migration was cancelled: %s", self._guest, end)
        else:
            logger.info("%s: the migration failed: %s", self._guest, end)


async def awaiting(migration: Migration) -> Outcome:
    """What `await migration` waits for. Cancelling the task leaves the migration running."""
    # Here, since it takes longer to load than all of this package.
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def done() -> None:
        if not future.done():
            future.set_result(None)

    def ended(kind: str, _: Any) -> None:
        if kind == "ended":
            try:
                loop.call_soon_threadsafe(done)
            except RuntimeError:
                # The loop is closed, and nobody waits any more.
                return

    migration._observe(_futures.updates(), ended, False)
    await future
    return migration.result()
