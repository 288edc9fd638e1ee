"""packaging/ansible with a real ansible-core and real guests: check mode, drains, the way back, refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import StartGuest
from helpers.moves import assert_runs_at, is_at
from libvirt_migrate.lab import Host, Workload

pytestmark = [pytest.mark.ansible, pytest.mark.lab]

ROOT = Path(__file__).parents[2]
PLAYBOOK = ROOT / "target" / "tools" / "ansible" / "bin" / "ansible-playbook"
COMMAND = str(Path(sys.executable).with_name("libvirt-migrate"))
SET = ["--set", "graphics.listen={host}"]


def play(folder: Path, task: dict[str, Any], *arguments: str) -> tuple[int, dict[str, Any]]:
    """A playbook of one task on this machine; its exit code, and what the task returned."""
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"name": "it", **task}]}
    book = folder / "book.yml"
    # JSON is YAML.
    book.write_text(json.dumps([play]))
    environment = os.environ | {
        "ANSIBLE_LIBRARY": str(ROOT / "packaging" / "ansible" / "library"),
        "ANSIBLE_ROLES_PATH": str(ROOT / "packaging" / "ansible" / "roles"),
        "ANSIBLE_STDOUT_CALLBACK": "oneline_json",
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "STATE_DIRECTORY": str(folder),
    }
    words = [str(PLAYBOOK), "--inventory", "localhost,", "--connection", "local", *arguments, str(book)]
    words += ["--extra-vars", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=110)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert results, (done.stdout, done.stderr)
    last: dict[str, Any] = results[-1]
    return done.returncode, last


def test_a_host_is_emptied_and_filled_again(
    start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    more = [*SET, "--record", str(tmp_path / "record")]
    variables = {"source": source.uri, "to": [destination.uri], "options": more, "executable": COMMAND}
    drain = {
        "include_role": {"name": "libvirt_migrate_drain"},
        "vars": {f"libvirt_migrate_drain_{name}": value for name, value in variables.items()},
    }
    code, said = play(tmp_path, drain, "--check")
    assert (code, said["changed"], said["moved"]) == (0, True, [guest.name])
    assert is_at(guest, source)
    code, said = play(tmp_path, drain)
    assert (code, said["changed"], said["moved"], said["left"]) == (0, True, [guest.name], {})
    assert_runs_at(guest, destination)
    code, said = play(tmp_path, drain)
    assert (code, said["changed"]) == (0, False)
    back = {"command": "undrain", "source": source.uri, "options": more, "executable": COMMAND}
    code, said = play(tmp_path, {"libvirt_migrate": back})
    assert (code, said["changed"], said["moved"]) == (0, True, [guest.name])
    assert_runs_at(guest, source)


def test_what_cannot_be_moved_fails_with_the_reason(
    start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    one = {"command": "migrate", "guest": guest.name, "source": source.uri, "executable": COMMAND}
    code, said = play(tmp_path, {"libvirt_migrate": one | {"to": [destination.uri]}})
    assert (code, said["code"], said["moved"]) == (2, 3, [])
    assert "--set graphics.listen={host}" in said["msg"]
    assert is_at(guest, source)
    code, said = play(tmp_path, {"libvirt_migrate": one})
    assert (code, said["msg"]) == (2, "migrate needs guest, and to with one daemon")
    code, said = play(tmp_path, {"libvirt_migrate": one | {"to": [destination.uri], "options": SET}})
    assert (code, said["moved"]) == (0, [guest.name])
    assert_runs_at(guest, destination)
