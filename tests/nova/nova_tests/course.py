"""Migrations whose courses are scripted, and everything around them that the driver's monitor touches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import libvirt
from nova.conf import CONF

from libvirt_migrate.nova import call as calls
from libvirt_migrate.nova import monitor
from libvirt_migrate.nova.guest import JobInfo

GIB = 1 << 30
NONE = JobInfo(type=libvirt.VIR_DOMAIN_JOB_NONE)
DONE = JobInfo(type=libvirt.VIR_DOMAIN_JOB_COMPLETED)

#: What one look at the job finds: the statistics, an error, or something that happens first.
Look = JobInfo | Exception | Callable[["Course"], Any]


def running(iteration: int = 1, remaining: int = GIB, **stats: Any) -> JobInfo:
    """A job that moves memory."""
    return JobInfo(
        type=libvirt.VIR_DOMAIN_JOB_UNBOUNDED,
        memory_total=2 * GIB,
        memory_processed=GIB,
        memory_remaining=remaining,
        memory_iteration=iteration,
        memory_bps=100 << 20,
        memory_page_size=4096,
        **stats,
    )


def error(code: int, message: str = "an error") -> libvirt.libvirtError:
    """An error of libvirt-python's own class."""
    raised = libvirt.libvirtError(message)
    raised.err = (code, 0, message, 2, None, None, None, -1, -1)
    return raised


def ended(kind: type[Any], location: str, code: int = libvirt.VIR_ERR_OPERATION_FAILED) -> Any:
    """The exception that the call ends with."""
    return kind((code, 0, "it broke", 2, None, None, None, -1, -1), location)


class Course:
    """A migration whose looks are scripted, and everything around it that the monitor touches."""

    def __init__(self, *looks: Look, data_gb: float = 2.0, post_copy: bool = False) -> None:
        self.looks, self.data_gb, self.post_copy = deque(looks), data_gb, post_copy
        self.now = 1000.0
        self.calls: list[tuple[Any, ...]] = []
        self.future: Any = Future()
        #: What the monitor is handed.
        self.handle: Any = self.future
        self.refuse: set[str] = set()
        self.active = True
        self.save_error: Callable[[], None] = lambda: None
        self.active_migrations: dict[str, deque[str]] = {"uuid": deque()}
        self._host = None
        self.call: calls.Call | None = None
        #: libvirt's state of the guest at the source.
        self.state = (1, 1)
        self.migration = SimpleNamespace(status="running", save=lambda: self.save_error())
        self.instance = SimpleNamespace(uuid="uuid", host="c1", save=lambda: self.save_error(), progress=0)
        self.guest = SimpleNamespace(
            get_job_info=self._look,
            is_active=lambda: self.active,
            migrate_configure_max_downtime=lambda ms: self._call("downtime", ms),
            migrate_start_postcopy=lambda: self._call("post-copy"),
            abort_job=lambda: self._call("abort"),
            pause=lambda: self._call("pause"),
            resume=lambda: self._call("resume"),
            get_power_state=lambda host: 3,
            migration_destination=None,
            uuid="uuid",
            _domain=SimpleNamespace(state=lambda: self.state),
        )

    def _look(self) -> JobInfo:
        while callable(look := self.looks.popleft()):
            look(self)
        if isinstance(look, Exception):
            raise look
        return look

    def _call(self, *what: Any) -> None:
        self.calls.append(what)
        if what[0] in self.refuse:
            raise error(libvirt.VIR_ERR_OPERATION_INVALID, "not now")

    # What the monitor asks of the driver.
    def _uri(self) -> str:
        return "qemu+tcp://source/system"

    def _get_migration_flags(self, block: bool) -> int:
        return int(libvirt.VIR_MIGRATE_LIVE | (libvirt.VIR_MIGRATE_POSTCOPY if self.post_copy else 0))

    def _is_post_copy_enabled(self, flags: int) -> bool:
        return bool(flags & libvirt.VIR_MIGRATE_POSTCOPY)

    def _get_vpmems(self, instance: Any) -> list[Any]:
        return []

    def _live_migration_data_gb(self, instance: Any, paths: list[str]) -> float:
        return self.data_gb

    def _clear_empty_migration(self, instance: Any) -> None:
        del self.active_migrations[instance.uuid]

    def run(self) -> str:
        """Watches to the end; which of the two methods was called, with the status."""
        told: list[str] = []
        monitor.live_migration_monitor(
            self,
            None,
            self.instance,
            self.guest,
            "dest",
            lambda *arguments: told.append("post"),
            lambda *arguments, migration_status="": told.append(f"recover {migration_status}".strip()),
            False,
            SimpleNamespace(migration=self.migration, block_migration=False),
            self.handle,
            [],
        )
        assert len(told) == 1
        return told[0]

    def run_followed(self) -> str:
        """As `run`, with the call known by itself, as it is below the driver's own methods."""
        with calls.following(self.instance) as self.call:
            return self.run()


def after(seconds: float) -> Callable[[Course], None]:
    """Time passes."""
    return lambda course: setattr(course, "now", course.now + seconds)


def returned(course: Course) -> None:
    """The call returns: the guest has moved."""
    course.active = False
    if course.call is not None:
        course.call.end(None)
    course.future.set_result(None)


def raised(exception: Exception, active: bool = True) -> Callable[[Course], None]:
    """The call fails."""

    def fail(course: Course) -> None:
        course.active = active
        if course.call is not None:
            # The driver's own method keeps the error to the monitor.
            course.call.end(exception)
            course.future.set_result(None)
        else:
            course.future.set_exception(exception)

    return fail


CHANGED: set[str] = set()


def option(name: str, value: Any) -> None:
    """Sets one of Nova's options for a test."""
    CHANGED.add(name)
    CONF.set_override(name, value, "libvirt")


COURSES: list[Course] = []


def course(*looks: Look, **more: Any) -> Course:
    """A course, whose clock is the one in force."""
    COURSES.append(Course(*looks, **more))
    return COURSES[-1]
