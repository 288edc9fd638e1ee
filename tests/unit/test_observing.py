"""What looks on at migrations: the real libraries of Prometheus and OpenTelemetry, on a domain in memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_tracer
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from helpers.migrating import MIB, MigratingDomain, eventually, memory, start
from libvirt_migrate import MigrationCancelled, MigrationFailed, observing
from libvirt_migrate.observing import makers, metrics, spans


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Nobody looks on at the migrations of other tests."""
    yield
    makers.MAKERS.clear()


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    metrics.instrument(made)
    return made


@pytest.fixture
def exported() -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.instrument(provider)
    return exporter


def ended(registry: CollectorRegistry, result: str) -> float | None:
    return registry.get_sample_value("libvirt_migrate_migrations_total", {"result": result})


def test_a_migration_is_counted_while_it_runs_and_when_it_is_over(
    registry: CollectorRegistry, domain: MigratingDomain
) -> None:
    assert ended(registry, "completed") == 0
    migration = start(domain)
    eventually(lambda: registry.get_sample_value("libvirt_migrate_running") == 1, "a migration that runs")
    domain.end()
    outcome = migration.result()
    eventually(lambda: ended(registry, "completed") == 1, "the end")
    assert registry.get_sample_value("libvirt_migrate_running") == 0
    assert ended(registry, "failed") == 0
    total = registry.get_sample_value("libvirt_migrate_duration_seconds_sum", {"result": "completed"})
    assert total == pytest.approx(outcome.total_time)
    assert registry.get_sample_value("libvirt_migrate_transferred_bytes_sum") == outcome.bytes


def test_failures_and_cancellations_are_told_apart(
    registry: CollectorRegistry, domain: MigratingDomain
) -> None:
    migration = start(domain)
    domain.wait_for_call()
    domain.end(38)
    with pytest.raises(MigrationFailed):
        migration.result()
    eventually(lambda: ended(registry, "failed") == 1, "the failure")
    other = MigratingDomain()
    other.stats = memory(1, 100 * MIB)
    migration = start(other)
    other.wait_for_call()
    eventually(lambda: migration.progress.memory_total, "a sample")
    migration.abort()
    with pytest.raises(MigrationCancelled):
        migration.result()
    eventually(lambda: ended(registry, "cancelled") == 1, "the cancellation")
    assert registry.get_sample_value("libvirt_migrate_running") == 0


def test_the_text_file_is_what_prometheus_reads(
    registry: CollectorRegistry, domain: MigratingDomain, tmp_path: Path
) -> None:
    migration = start(domain)
    domain.end()
    migration.result()
    eventually(lambda: ended(registry, "completed") == 1, "the end")
    metrics.write(tmp_path / "here.prom", registry)
    text = (tmp_path / "here.prom").read_text()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"libvirt_migrate_migrations", "libvirt_migrate_running"} <= families
    with pytest.raises(OSError, match="No such file"):
        metrics.write(tmp_path / "nowhere" / "here.prom", registry)


def test_the_dashboard_asks_for_metrics_that_there_are(registry: CollectorRegistry) -> None:
    dashboard = (Path(__file__).parents[2] / "packaging" / "grafana.json").read_text()
    queries = [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"libvirt_migrate_\w+", query)}
    # A histogram without a sample has no series to read its names from.
    made = {family.name: family.type for family in registry.collect()}
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    assert asked
    assert asked <= {name + end for name, kind in made.items() for end in ends[kind]}


def test_the_page_has_every_metric(registry: CollectorRegistry) -> None:
    page = (Path(__file__).parents[2] / "docs" / "observing.md").read_text()
    for family in registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert re.search(rf"\| `{name}(\{{\w+\}})?` \| {family.type} \|", page), name


def named(exported: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if span.name == name]


def test_a_migration_is_a_span_with_its_phases_within(
    exported: InMemorySpanExporter, domain: MigratingDomain
) -> None:
    domain.stats = memory(2, 100 * MIB)
    with get_tracer("test", tracer_provider=TracerProvider(shutdown_on_exit=False)).start_as_current_span(
        "drain"
    ) as parent:
        migration = start(domain)
    eventually(lambda: named(exported, "setup"), "the first phase")
    domain.end()
    outcome = migration.result()
    eventually(lambda: named(exported, "live migration"), "the span")
    (span,) = named(exported, "live migration")
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    assert span.status.is_ok or span.status.is_unset
    assert span.attributes is not None
    assert span.attributes["libvirt_migrate.guest"] == "vm"
    assert span.attributes["libvirt_migrate.guest_location"] == outcome.guest_location
    assert span.attributes["libvirt_migrate.bytes"] == outcome.bytes
    for phase in ("setup", "memory"):
        (within,) = named(exported, phase)
        assert within.parent is not None
        assert within.parent.span_id == span.context.span_id
        assert within.end_time is not None
        assert span.end_time is not None
        assert within.end_time <= span.end_time


def test_decisions_and_failures_are_in_the_span(
    exported: InMemorySpanExporter, domain: MigratingDomain
) -> None:
    domain.stats = memory(2, 100 * MIB)
    migration = start(domain)
    eventually(lambda: migration.progress.memory_total, "a sample")
    migration.set_max_downtime(0.25)
    domain.end(38)
    with pytest.raises(MigrationFailed):
        migration.result()
    eventually(lambda: named(exported, "live migration"), "the span")
    (span,) = named(exported, "live migration")
    assert not span.status.is_ok
    allowed = [dict(event.attributes or {}).get("max_downtime") for event in span.events]
    assert 0.25 in allowed
    assert "exception" in [event.name for event in span.events]
    assert span.attributes is not None
    assert "libvirt_migrate.guest_location" in span.attributes


def test_an_observer_that_fails_changes_nothing(
    domain: MigratingDomain, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ValueError(name)

    def unmade() -> Any:
        raise ValueError("unmade")

    observing.add(Broken)
    observing.add(unmade)
    migration = start(domain)
    domain.end()
    migration.result()
    eventually(lambda: "an exception in an observer" in caplog.text, "the log")
    assert "an exception in making an observer" in caplog.text
    observing.remove(Broken)
    assert [unmade] == makers.MAKERS


def test_instrumenting_twice_counts_once(registry: CollectorRegistry) -> None:
    assert metrics.instrument(registry) is metrics.instrument(registry)
    assert len(makers.MAKERS) == 1


def test_nothing_of_it_is_imported_unless_it_is_asked_for() -> None:
    code = (
        "import sys, libvirt_migrate, libvirt_migrate.observing; libvirt_migrate.Guest; "
        "print([name for name in sys.modules if name.startswith(('prometheus', 'opentelemetry'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
