"""Every command of docs/cli.md is run in the lab as it stands, and what it prints is what is documented."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from commands import command, environment, events, started
from conftest import StartGuest
from libvirt_migrate import Guest
from libvirt_migrate.cli.ends import Exit
from libvirt_migrate.lab import Host, LabGuest, Workload
from migrating import eventually

DOCUMENT = (Path(__file__).parent.parent / "docs" / "cli.md").read_text()
#: A failure is what some of the examples show.
CODES = {"migrate & abort": Exit.CANCELLED, "watch & abort": Exit.FAILED, "migrate & recover": Exit.STRANDED}


def sessions() -> list[list[str]]:
    """The commands of each example, as words of a shell."""
    blocks = re.findall(r"^```console\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    lines = [[line.removeprefix("$ ") for line in block.splitlines()] for block in blocks]
    assert all(line.startswith("libvirt-migrate ") for block in lines for line in block)
    return lines


class Session:
    """Runs the lines of an example one after the other; those with an ampersand beside the others."""

    def __init__(self, guest: LabGuest, hosts: list[Host], folder: Path) -> None:
        self._guest, self._hosts, self._folder = guest, hosts, folder
        self._beside: list[tuple[str, subprocess.Popen[str]]] = []

    def words(self, line: str) -> list[str]:
        """The line with the lab's names in place of the example's."""
        places = {"vm1.html": str(self._folder / "vm1.html"), "vm1": self._guest.name}
        places |= {f"qemu+tcp://{host.name}/system": host.uri for host in self._hosts}
        return [places.get(word, word) for word in shlex.split(line.rstrip("& "))][1:]

    def run(self, lines: list[str]) -> str:
        """Runs them all; returns what the last one printed."""
        output = ""
        for line in lines:
            words = self.words(line)
            if line.endswith("&"):
                process = started(*words)
                self._beside.append((words[0], process))
                self._wait_for(words)
            else:
                done = command(*words)
                assert (done.returncode, done.stderr) == (0, ""), line
                output = done.stdout
        last = self.words(lines[-1])[0]
        for name, process in self._beside:
            process.communicate(timeout=60)
            assert process.returncode == CODES.get(f"{name} & {last}", 0), name
        return output

    def _wait_for(self, words: list[str]) -> None:
        """Until what runs beside has come to what the next line is about."""
        source = words[words.index("--from") + 1]
        guest = Guest.open(self._guest.uuid, source)
        if words[0] == "force-complete":
            eventually(lambda: guest.state.reason == "post-copy", "post-copy")
        else:
            eventually(lambda: guest.job_info().memory_processed, "a migration")


def test_every_command_of_the_documentation(
    start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    outputs = [Session(guest, [source, destination], tmp_path).run(lines) for lines in sessions()]
    assert len(outputs) >= 9
    assert "<svg" in (tmp_path / "vm1.html").read_text()
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


def documented() -> dict[str, set[str]]:
    """The fields of each event, from the table."""
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (.*) \|$", DOCUMENT, re.MULTILINE)
    return {event: set(re.findall(r"`([a-z_]+)`", fields)) for event, fields in rows}


def test_every_object_is_documented(start_guest: StartGuest, source: Host, destination: Host) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    there, back = (destination.uri, "--from", source.uri), (source.uri, "--from", destination.uri)
    listen = ("--set", "graphics.listen={host}", "--json")
    outputs = [
        command("status", "--from", source.uri, "--json").stdout,
        command("plan", guest.name, *there, *listen).stdout,
        command(
            "migrate", guest.name, *there, *listen, "--max-downtime", "250ms", "--bandwidth", "40"
        ).stdout,
        command("drain", destination.uri, "--to", source.uri, *listen).stdout,
        command("status", "nobody", "--from", source.uri, "--json").stdout,
        command("abort", guest.name, *back[1:], "--json").stdout,
    ]
    told = [event for output in outputs for event in events(output)]
    fields = documented()
    for event in told:
        assert set(event) - {"event", "time"} <= fields[event["event"]], event
    # Nothing is missing but what the command cannot know.
    seen = {event["event"] for event in told}
    assert seen >= {
        "check",
        "plan",
        "start",
        "progress",
        "decision",
        "end",
        "guest",
        "drain",
        "move",
        "drained",
    }
    # What the table says of values.
    values = {"path", "before", "after", "pass", "fail"}
    for event in told:
        if event["event"] in ("check", "plan", "start", "progress", "decision", "drain", "move", "drained"):
            assert set(event) == fields[event["event"]] - values | {"event", "time"}


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)}
    assert codes == {value for name, value in vars(Exit).items() if name.isupper()}


@pytest.mark.parametrize("name", ["migrate", "plan", "watch", "drain", "recover", "status"])
def test_every_option_of_the_documentation_exists(name: str) -> None:
    text = command(name, "--help").stdout
    for line in (line for lines in sessions() for line in lines if line.split()[1] == name):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in text


def test_bash_reads_the_examples() -> None:
    script = "\n".join(line for lines in sessions() for line in lines)
    subprocess.run(["bash", "-n", "-c", script], check=True, timeout=30, env=environment())
