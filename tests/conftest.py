"""The lab, made once for all tests that need one. Each test starts guests of its own and removes them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers.images import Images
from helpers.migrating import MigratingDomain
from libvirt_migrate.lab import Host, Lab, LabGuest

StartGuest = Callable[..., LabGuest]


def pytest_configure() -> None:
    """Where the tests run in the background of a shell SIGINT is ignored, by whatever they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults-record", help="a file to add a line of JSON to for each case of the fault matrix"
    )
    parser.addoption("--faults-tapes", help="a folder for the tapes of the fault matrix's migrations")
    parser.addoption("--guests-record", help="a file to add a line of JSON to for each cell of tests/guests")
    parser.addoption("--plan-record", help="a file to add a line of JSON to for each situation of tests/plan")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the lab is marked so."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts."""
    if os.geteuid() != 0:
        pytest.skip("the lab makes network namespaces, which takes root")
    with Lab(f"pytest-{os.getpid()}") as made:
        yield made


@pytest.fixture
def source(lab: Lab) -> Host:
    return lab.hosts[0]


@pytest.fixture
def destination(lab: Lab) -> Host:
    return lab.hosts[1]


@pytest.fixture
def route(source: Host, destination: Host) -> tuple[str, ...]:
    """The command's options that say where from and where to, with the display's new address."""
    return (destination.uri, "--from", source.uri, "--set", "graphics.listen={host}")


@pytest.fixture
def images(hosts: tuple[Host, Host]) -> Iterator[tuple[Images, Images]]:
    """The images of both hosts, which are gone after the test."""
    made = Images(hosts[0]), Images(hosts[1])
    yield made
    for each in made:
        each.clear()


@pytest.fixture
def start_guest(lab: Lab, request: pytest.FixtureRequest) -> Iterator[StartGuest]:
    """Starts guests that are removed when the test is over."""
    started: list[LabGuest] = []

    def start(**options: Any) -> LabGuest:
        name = f"{request.node.originalname.removeprefix('test_')[:40]}-{len(started)}"
        guest = lab.start_guest(name, **options)
        started.append(guest)
        return guest

    yield start
    for guest in started:
        lab.remove_guest(guest)


@pytest.fixture
def domain() -> Iterator[MigratingDomain]:
    """A domain in memory, whose migration ends when it is told to."""
    domain = MigratingDomain()
    yield domain
    domain.end()


@pytest.fixture
def hosts(source: Host, destination: Host) -> tuple[Host, Host]:
    """Both at once."""
    return source, destination
