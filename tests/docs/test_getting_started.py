"""The tutorial, and what getting-started.md says with qemu+tcp, typed as they stand into the lab's shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import environment
from libvirt_migrate.lab import Lab

pytestmark = pytest.mark.lab

DOCS = Path(__file__).parents[2] / "docs"
#: What the page says must be done at the destination is done there.
AT_DESTINATION = ("virsh pool-", "qemu-img ")


def run(*words: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    # The programs that are beside this Python are what a person's PATH has.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=timeout, env=environment(PATH=path)
    )


@pytest.fixture
def name() -> Iterator[str]:
    name = f"typed-{os.getpid()}"
    yield name
    run(sys.executable, "-m", "libvirt_migrate.lab", "down", "--name", name)


def typed(line: str, name: str) -> subprocess.CompletedProcess[str]:
    """Types a line: of the lab's own on this machine, else into its shell at one of the hosts."""
    line = line.partition("  #")[0].strip()
    words = line.split()
    if words[:3] == ["python", "-m", "libvirt_migrate.lab"]:
        return run(sys.executable, *words[1:], "--name", name)
    at = "host2" if line.startswith(AT_DESTINATION) else "host1"
    shell = ("shell", "--name", name, "--at", at, "--", "sh", "-c", line)
    return run(sys.executable, "-m", "libvirt_migrate.lab", *shell)


def lines(page: str) -> list[str]:
    """A page's lines in its order; TLS and ssh need what the lab has not, and the pool makes the image."""
    found = []
    text = (DOCS / page).read_text()
    for kind, block in re.findall(r"^```(console|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            line = line.removeprefix("$ ")
            if "qemu+ssh" in line or "qemu+tls" in line or "lab shell" in line or line.startswith("qemu-img"):
                continue
            assert kind == "sh" or "qemu+tcp://host2" in line or "qemu+tcp://host1" in line, line
            found.append(line)
    return found


def type_all(page: str, name: str) -> list[str]:
    """Types a page; each line must do what it says."""
    done = lines(page)
    for line in done:
        result = typed(line, name)
        assert result.returncode == 0, (line, result.stdout, result.stderr)
    return done


@pytest.mark.timeout(400)
def test_the_page_can_be_typed(name: str) -> None:
    done = type_all("getting-started.md", name)
    assert len(done) >= 11, "the page is not what this test reads"
    lab = Lab.attach(name)
    there = sorted(domain.name() for domain in lab.hosts[1].connection().listAllDomains())
    assert there == ["vm1", "vm2"], there
    for host in lab.hosts:
        host.close()


@pytest.mark.timeout(400)
def test_the_tutorial_can_be_typed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = type_all("tutorial.md", name)
    assert (len(done), done[-1]) == (11, "python -m libvirt_migrate.lab down")
    assert "<svg" in (tmp_path / "vm1.html").read_text()
    status = run(sys.executable, "-m", "libvirt_migrate.lab", "status", "--name", name)
    assert status.stdout == f"no lab named {name} is up\n"
