"""Where a scenario plays: a cloud, what can be done in it, and the record of each step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libvirt_migrate.lab import LabError

from .acts import Acts
from .cloud import DRIVER, STOCK, Cloud
from .seen import Seen, look


@dataclass(frozen=True)
class Side:
    """What is tried: a release of Nova, its mode, and the drop-in or Nova's own driver."""

    release: str
    stock: bool = False
    eventlet: bool = False

    @property
    def driver(self) -> str:
        """Nova's compute_driver."""
        return STOCK if self.stock else DRIVER

    def __str__(self) -> str:
        mode = "eventlet" if self.eventlet else "threading"
        return f"{'stock' if self.stock else 'drop-in'}, Nova {self.release}, {mode}"


class Unfinished(Exception):
    """A step, which is in the record, did not come to its end: there is nothing to go on with."""


class Record:
    """What was seen: a line of JSON for each step in a file, and one on the terminal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.passed = 0
        self.failed = 0
        #: Steps that were not right with Nova's own driver.
        self.stock = 0

    def tell(self, row: dict[str, Any], *, counts: bool) -> None:
        """Notes a step; what is not right with stock Nova counts for nothing but the comparison."""
        wrong = bool(row["problems"])
        self.passed += not wrong
        self.failed += wrong and counts
        self.stock += wrong and not counts
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        columns = (
            f"{row['scenario']:<22}",
            f"{row['step']:<26}",
            f"{row['seconds']:6.1f} s",
            f"{row['status']:<7}",
            f"{row['host'] or '-':<6}",
            f"{row['database']:<15}",
            f"{row['migration'] or '-':<10}",
            row["guest"],
        )
        print("  ".join(columns), flush=True)
        for problem in row["problems"]:
            print(f"    not right: {problem}", flush=True)


class Stage:
    """One scenario's."""

    def __init__(self, cloud: Cloud, side: Side, scenario: str, record: Record) -> None:
        self.cloud, self.side, self.scenario = cloud, side, scenario
        self.acts = Acts(cloud)
        self._record = record
        self._guests: list[str] = []

    def create(self, name: str, host: str = "host1", *, image: str = "calm", flavor: str = "small") -> str:
        """A guest, as the first step."""
        start = time.monotonic()
        identity = self.acts.create(name, host, image=image, flavor=flavor)
        self._guests.append(identity)
        self._note("create", time.monotonic() - start, look(self.cloud, identity), host)
        return identity

    def step(
        self,
        name: str,
        identity: str,
        act: Callable[[], object],
        *,
        host: str,
        status: str = "ACTIVE",
        migration: str | None = None,
        more: Callable[[Seen], list[str]] | None = None,
    ) -> Seen:
        """Does something to a guest, which has to run at `host` afterwards and to be right in every way.

        `migration` is how Nova has to call the migration's end, where that is a part of it.
        """
        start = time.monotonic()
        failure = None
        try:
            act()
        except (AssertionError, LabError) as error:
            failure = str(error)
        seconds = time.monotonic() - start
        seen = look(self.cloud, identity)
        problems = [failure] if failure else []
        if migration and seen.migration != migration:
            problems.append(f"the migration is {seen.migration}, not {migration}")
        problems += more(seen) if more else []
        self._note(name, seconds, seen, host, status, problems)
        if failure:
            raise Unfinished(failure)
        return seen

    def _note(
        self,
        name: str,
        seconds: float,
        seen: Seen,
        host: str,
        status: str = "ACTIVE",
        problems: list[str] | None = None,
    ) -> None:
        row = {
            "side": str(self.side),
            "scenario": self.scenario,
            "step": name,
            "seconds": round(seconds, 1),
            "status": seen.status,
            "host": seen.host,
            "database": seen.told_database(),
            "migration": seen.migration,
            "guest": seen.told_guest(),
            "problems": [*(problems or []), *seen.problems(self.cloud, host, status=status)],
        }
        self._record.tell(row, counts=not self.side.stock)

    def fail(self, error: BaseException) -> None:
        """Notes that the scenario came to no end."""
        row = dict.fromkeys(("status", "host", "database", "migration", "guest"), "")
        said = f"{type(error).__name__}: {error}"
        row |= {"side": str(self.side), "scenario": self.scenario, "step": "the end"}
        told: dict[str, Any] = {**row, "seconds": 0.0, "problems": [said]}
        self._record.tell(told, counts=not self.side.stock)

    def restart_computes(self, options: Mapping[str, Mapping[str, object]]) -> None:
        """Both nova-computes anew, with these settings beside their own."""
        for compute in self.cloud.computes.values():
            compute.kill()
            compute.configure(self.side.driver, options)
            compute.start(eventlet=self.side.eventlet)
        self.cloud.wait_for_computes()

    def clear(self) -> None:
        """Deletes what the scenario has made."""
        for identity in self._guests:
            self.acts.delete(identity)
        self._guests.clear()
