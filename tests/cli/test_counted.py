"""`--metrics-file`: several runs add up, and what is no file of metrics is left alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from helpers.commands import command, refused
from helpers.migrating import migrate
from libvirt_migrate.cli.counted import counted, read, summed
from libvirt_migrate.cli.errors import UserError
from libvirt_migrate.cli.terminal.output import Output
from libvirt_migrate.observing import makers
from libvirt_migrate.observing.metrics import Metrics

MIGRATE = ("migrate", "vm1", "test:///default", "--from", "test:///default")


def run(path: Path, *errors: int | None) -> None:
    """Migrations in memory that end with these errors, as one run of the command."""
    with counted(str(path), Output()):
        for error in errors:
            migrate(error)
    assert makers.MAKERS == []


def values(path: Path) -> dict[str, float]:
    families = text_string_to_metric_families(path.read_text())
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_runs_add_up(tmp_path: Path) -> None:
    path = tmp_path / "libvirt-migrate.prom"
    run(path, None)
    first = values(path)
    assert first["libvirt_migrate_migrations_total{completed}"] == 1
    assert first["libvirt_migrate_migrations_total{failed}"] == 0
    run(path, None, 38)
    run(path)
    last = values(path)
    assert last["libvirt_migrate_migrations_total{completed}"] == 2
    assert last["libvirt_migrate_migrations_total{failed}"] == 1
    assert last["libvirt_migrate_duration_seconds_count{completed}"] == 2
    assert last["libvirt_migrate_duration_seconds_bucket{+Inf}{completed}"] == 2
    before = first["libvirt_migrate_transferred_bytes_sum"]
    assert last["libvirt_migrate_transferred_bytes_sum"] >= 2 * before
    assert not any(name.endswith("_created") or "running" in name for name in last)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_runs_at_a_time_add_up(tmp_path: Path) -> None:
    """Each is a process of its own in truth; the lock is one of the file's, whoever holds it."""
    path = tmp_path / "libvirt-migrate.prom"
    script = (
        "import sys; from prometheus_client import CollectorRegistry\n"
        "from libvirt_migrate.cli import counted\n"
        "from libvirt_migrate.observing.metrics import Metrics\n"
        "for _ in range(10):\n"
        "    registry = CollectorRegistry(); Metrics(registry).end('completed', 1, 1, 1)\n"
        "    counted._add_to(sys.argv[1], list(registry.collect()))\n"
    )
    threads = [
        threading.Thread(
            target=subprocess.run, args=([sys.executable, "-c", script, str(path)],), kwargs={"check": True}
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(path)["libvirt_migrate_migrations_total{completed}"] == 30


def test_a_histogram_whose_buckets_have_changed_begins_anew(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Metrics(registry).end("completed", 1.0, 0.1, 5)
    path = tmp_path / "old.prom"
    run(path, None)
    path.write_text(path.read_text().replace('le="0.03"', 'le="0.04"'))
    made = {family.name: family for family in summed(read(str(path)), list(registry.collect()))}
    counts = {
        name: sum(sample.value for sample in made[f"libvirt_migrate_{name}"].samples if ending in sample.name)
        for name, ending in (("pause_seconds", "_count"), ("transferred_bytes", "_count"))
    }
    assert counts == {"pause_seconds": 1, "transferred_bytes": 2}


def test_what_is_no_such_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    other = tmp_path / "other.prom"
    other.write_text("this is {no\n")
    for path, why in (
        (tmp_path / "metrics.txt", "the name must end in .prom"),
        (tmp_path / "nowhere" / "here.prom", "there is no folder"),
        (other, "is no file of metrics"),
    ):
        assert why in refused(command(*MIGRATE, "--metrics-file", str(path)))
    assert other.read_text() == "this is {no\n"


def test_the_library_is_named_where_it_is_missing(tmp_path: Path) -> None:
    """As without the extra: its import fails."""
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('none')")
    path = tmp_path / "here.prom"
    done = command(*MIGRATE, "--metrics-file", str(path), PYTHONPATH=str(tmp_path))
    assert "--metrics-file needs prometheus-client: pip install 'libvirt-migrate[prometheus]'" in refused(
        done
    )
    assert not path.exists()


def test_what_cannot_be_written_at_the_end_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "here.prom"
    path.parent.mkdir()
    with counted(str(path), Output()):
        path.parent.rmdir()
    assert f"--metrics-file {path}: No such file or directory" in capsys.readouterr().err


def test_a_run_in_which_nothing_was_moved_begins_the_series(tmp_path: Path) -> None:
    path = tmp_path / "here.prom"
    with pytest.raises(UserError), counted(str(path), Output()):
        raise UserError("refused")
    assert values(path)["libvirt_migrate_migrations_total{failed}"] == 0
