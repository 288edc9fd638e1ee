"""A real Prometheus scrapes migrations, answers the dashboard's questions, and checks the command's file."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from helpers.migrating import eventually, migrate
from libvirt_migrate.cli.counted import counted
from libvirt_migrate.cli.terminal.output import Output
from libvirt_migrate.observing import makers, metrics

pytestmark = pytest.mark.prometheus

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "target" / "tools" / "prometheus" / "usr" / "bin"
#: How long Prometheus may take for what is waited for, s.
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Prometheus:
    """One that scrapes the loopback's `port` each second."""

    def __init__(self, folder: Path, port: int) -> None:
        self._address = f"127.0.0.1:{free_port()}"
        configuration = folder / "prometheus.yml"
        job = {"job_name": "tried", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        # JSON is YAML.
        configuration.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
        words = (
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self._address}",
            "--log.level=warn",
        )
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [PROGRAMS / "prometheus", *words], stdout=self._log, stderr=self._log, cwd=folder
        )

    def ask(self, expression: str) -> list[Any]:
        """The answer to a question of PromQL: what has a value now."""
        words = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{self._address}/api/v1/query?{words}", timeout=10) as answer:
            said = json.load(answer)
        assert said["status"] == "success", said
        result: list[Any] = said["data"]["result"]
        return result

    def wait_for(self, expression: str, value: float) -> None:
        """Waits until the answer is one series of this value."""
        end, found = time.monotonic() + PATIENCE, list[object]()
        while time.monotonic() < end:
            try:
                found = [float(series["value"][1]) for series in self.ask(expression)]
            except OSError as error:
                found = [str(error)]
            if found == [value]:
                return
            time.sleep(0.2)
        raise AssertionError(f"{expression} is {found}, not {value}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    yield CollectorRegistry()
    makers.MAKERS.clear()


@pytest.fixture
def prometheus(registry: CollectorRegistry, tmp_path: Path) -> Iterator[Prometheus]:
    port = free_port()
    metrics.instrument(registry)
    server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    found = Prometheus(tmp_path, port)
    yield found
    found.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_scrapes_migrations_and_answers_the_dashboard(prometheus: Prometheus) -> None:
    prometheus.wait_for('libvirt_migrate_migrations_total{result="failed"}', 0)
    for _ in range(2):
        migrate()
    migrate(38)
    prometheus.wait_for('libvirt_migrate_migrations_total{result="completed"}', 2)
    prometheus.wait_for('libvirt_migrate_migrations_total{result="failed"}', 1)
    prometheus.wait_for("sum(libvirt_migrate_duration_seconds_count)", 3)
    panels = json.loads((ROOT / "packaging" / "grafana.json").read_text())["panels"]
    questions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(questions) >= 8
    # A rate takes two scrapes; series with a label begin with the first migration that ends so.
    rate = "rate(libvirt_migrate_duration_seconds_bucket[1m])"
    eventually(lambda: prometheus.ask(rate), "a rate")
    asked = {question: prometheus.ask(question.replace("$__rate_interval", "1m")) for question in questions}
    unanswered = [question for question, answer in asked.items() if not answer]
    # In memory nobody pauses and nothing has to be decided.
    assert all(re.search("pause_seconds|decisions", question) for question in unanswered), unanswered


def test_it_has_nothing_against_the_commands_file(tmp_path: Path) -> None:
    path = tmp_path / "libvirt-migrate.prom"
    for _ in range(2):
        with counted(str(path), Output()):
            migrate()
            migrate(38)
    text = path.read_text()
    assert 'libvirt_migrate_migrations_total{result="failed"} 2.0' in text
    done = subprocess.run(
        [PROGRAMS / "promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
