"""Prometheus' metrics of nova-compute's migrations, where `[libvirt_migrate]/metrics_port` asks for them.

Nova's environment has prometheus_client as a rule, by oslo.metrics; nothing of it is imported here without
the option. Whatever fails here is logged and changes no migration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nova.conf import CONF
from oslo_log import log as logging

from .outcome import Outcome

if TYPE_CHECKING:
    from libvirt_migrate.observing.metrics import Metrics

LOG = logging.getLogger(__name__)

#: What this process counts with, once it serves it.
_metrics: Metrics | None = None


def serve() -> None:
    """Serves the metrics from now on, where they are asked for; in the process that migrates, and once."""
    global _metrics
    port, address = CONF.libvirt_migrate.metrics_port, CONF.libvirt_migrate.metrics_address
    if not port or _metrics is not None:
        return
    try:
        from prometheus_client import CollectorRegistry, start_http_server

        from libvirt_migrate.observing.metrics import Metrics

        registry = CollectorRegistry()
        made = Metrics(registry)
        # A thread of it answers, a green one where Nova has those.
        start_http_server(port, addr=address, registry=registry)
    except (ImportError, OSError) as error:
        LOG.error("Metrics cannot be served at %s, port %d: %s", address, port, error)
        return
    _metrics = made
    LOG.info("Metrics are served at %s, port %d", address, port)


class Counting:
    """One migration, in the metrics; nothing where they are not served."""

    def __init__(self) -> None:
        self._metrics = _metrics
        self._result = "failed"
        self._sent: int | None = None
        self._elapsed: float | None = None

    def decided(self, action: str) -> None:
        """Something was done about it."""
        if self._metrics is not None:
            self._metrics.decisions.labels(action).inc()

    def over(self, outcome: Outcome, elapsed: float, last: Any) -> None:
        """It has this end after so many seconds; `last` are the job's statistics as they were seen last."""
        self._result, self._elapsed = outcome.value, elapsed
        if last is not None:
            self._sent = (last.memory_processed or 0) + (last.disk_processed or 0)

    def begin(self) -> None:
        """It runs."""
        if self._metrics is not None:
            self._metrics.running.inc()

    def end(self) -> None:
        """It runs no more. libvirt does not tell the source how long the guest stood still."""
        if self._metrics is not None:
            self._metrics.running.dec()
            self._metrics.end(self._result, self._elapsed, None, self._sent)


@contextmanager
def counted() -> Iterator[Counting]:
    """A migration while it runs; one that raises has failed."""
    counting = Counting()
    counting.begin()
    try:
        yield counting
    finally:
        counting.end()
