"""nova-compute's metrics for Prometheus: what is counted, and that both threading modes serve it."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from nova.conf import CONF
from prometheus_client.parser import text_string_to_metric_families

from libvirt_migrate import MigrationCancelled, MigrationFailed
from libvirt_migrate.nova import metrics, options
from libvirt_migrate.nova.outcome import GuestLost

from .course import DONE, NONE, after, course, ended, raised, returned, running

pytestmark = [pytest.mark.nova, pytest.mark.usefixtures("_fast_monitor")]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that is asked for; nothing is served there yet."""
    options.register()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    CONF.set_override("metrics_port", found, "libvirt_migrate")
    monkeypatch.setattr(metrics, "_metrics", None)
    yield found
    CONF.clear_override("metrics_port", "libvirt_migrate")


def scraped(port: int) -> dict[str, float]:
    """As Prometheus reads it: by name and the values of labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_end_is_counted(port: int) -> None:
    metrics.serve()
    metrics.serve()
    assert scraped(port)["libvirt_migrate_migrations_total completed"] == 0
    inside: list[float] = []
    look = lambda _: inside.append(scraped(port)["libvirt_migrate_running"])  # noqa: E731 - a look of a course
    assert course(NONE, running(), look, running(2), returned, DONE).run() == "post"
    for error in (ended(MigrationFailed, "source-running"), ended(MigrationCancelled, "source-running")):
        assert course(running(), raised(error), DONE).run().startswith("recover")
    with pytest.raises(GuestLost):
        course(running(), raised(ended(MigrationFailed, "unknown")), DONE).run()
    found = scraped(port)
    assert inside == [1]
    assert found["libvirt_migrate_running"] == 0
    ends = {
        name: found[f"libvirt_migrate_migrations_total {name}"]
        for name in ("completed", "failed", "cancelled")
    }
    assert ends == {"completed": 1, "failed": 2, "cancelled": 1}
    assert found["libvirt_migrate_duration_seconds_count completed"] == 1
    assert found["libvirt_migrate_transferred_bytes_sum"] == 3 << 30
    assert found["libvirt_migrate_pause_seconds_count"] == 0


def test_what_is_decided_is_counted(port: int) -> None:
    metrics.serve()
    it = course(running(), after(5000), running(2), after(5000), running(3), returned, DONE)
    it.run()
    steps = sum(
        value for name, value in scraped(port).items() if name.startswith("libvirt_migrate_decisions_total ")
    )
    assert steps == len(it.calls) > 0


def test_without_the_option_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_metrics", None)
    options.register()
    metrics.serve()
    assert metrics._metrics is None
    assert course(running(), returned, DONE).run() == "post"


def test_a_port_that_is_taken_keeps_nova_from_nothing(port: int, caplog: pytest.LogCaptureFixture) -> None:
    metrics.serve()
    metrics._metrics = None
    metrics.serve()
    assert metrics._metrics is None
    assert f"Metrics cannot be served at 127.0.0.1, port {port}: " in caplog.text
    assert course(running(), returned, DONE).run() == "post"


#: Patches as Nova does, serves, and ticks in a green thread until it has been asked.
EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys
from nova.conf import CONF
from libvirt_migrate.nova import metrics, options
options.register()
CONF([], project="nova")
CONF.set_override("metrics_port", int(sys.argv[1]), "libvirt_migrate")
metrics.serve()
with metrics.counted():
    print("serves", flush=True)
    while True:
        eventlet.sleep(0.01)
        print("ticks", flush=True)
"""


@pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import eventlet"], capture_output=True).returncode != 0,
    reason="eventlet is not there",
)
def test_green_threads_serve_and_go_on(port: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", EVENTLET, str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "serves\n"
            assert scraped(port)["libvirt_migrate_running"] == 1
            assert scraped(port)["libvirt_migrate_running"] == 1
            assert [process.stdout.readline() for _ in range(20)] == ["ticks\n"] * 20
        finally:
            process.kill()
