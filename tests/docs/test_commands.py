"""Every command of docs/ is run in the lab as it stands, and what it prints is what is documented."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import StartGuest
from helpers.commands import LISTEN, Started, command, environment, started
from helpers.events import SCHEMA, events
from helpers.migrating import eventually
from helpers.moves import assert_runs_at
from helpers.sshd import ssh_servers
from libvirt_migrate import Guest
from libvirt_migrate.cli.ends import Exit
from libvirt_migrate.cli.terminal.places import PLACES
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]
#: A failure is what some of the examples show. A migration that broke and goes on before its own command has
#: looked at it ends well there too.
CODES = {
    "migrate & abort": (Exit.CANCELLED,),
    "watch & abort": (Exit.FAILED,),
    "migrate & recover": (Exit.STRANDED, 0),
}


@dataclass(frozen=True)
class Example:
    """The commands of a block, and the JSON file that the text before it speaks of."""

    name: str
    lines: tuple[str, ...]
    json: str | None

    def speaks(self, transport: str) -> bool:
        return any(f"qemu+{transport}://" in line for line in self.lines)


def examples() -> Iterator[Example]:
    """All of them, in all documents."""
    for document in DOCUMENTS:
        text, json = document.read_text(), None
        for index, (kind, block) in enumerate(
            re.findall(r"^```(console|json)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        ):
            if kind == "json":
                json = block
                continue
            lines = tuple(line.removeprefix("$ ") for line in block.splitlines())
            assert all(line.startswith("libvirt-migrate ") for line in lines), document
            yield Example(f"{document.stem}-{index}", lines, json)


EXAMPLES = list(examples())
#: The tutorial is one session, and is typed from its beginning (test_getting_started.py).
PLAIN = [
    example
    for example in EXAMPLES
    if not (example.speaks("ssh") or example.speaks("tls") or example.name.startswith("tutorial-"))
]


class Session:
    """Runs the lines of an example one after the other; those with an ampersand beside the others."""

    def __init__(self, guest: LabGuest, places: dict[str, str]) -> None:
        self._guest, self._places = guest, {"vm1": guest.name, "vm2": guest.name, **places}
        self._beside: list[tuple[str, Started]] = []

    def words(self, line: str) -> list[str]:
        """The line with the lab's names in place of the example's."""
        words = [self._places.get(word, word) for word in shlex.split(line.rstrip("& "))][1:]
        assert not any("//host" in word or "@host" in word for word in words), words
        return words

    def run(self, lines: tuple[str, ...]) -> None:
        """Runs them all."""
        for line in lines:
            words = self.words(line)
            if line.endswith("&"):
                process = started(*words)
                self._beside.append((words[0], process))
                self._wait_for(words, process)
            else:
                done = command(*words)
                assert (done.returncode, done.stderr) == (0, ""), (line, done.stdout, done.stderr)
                assert done.stdout, line
        last = self.words(lines[-1])[0]
        for name, process in self._beside:
            process.communicate(timeout=60)
            assert process.returncode in CODES.get(f"{name} & {last}", (0,)), name

    def _wait_for(self, words: list[str], process: Started) -> None:
        """Until what runs beside has come to what the next line is about."""
        if words[0] == "watch":
            # It has found the migration once it watches.
            eventually(lambda: "migration-watch" in threads(process), "that it watches")
        guest = Guest.open(self._guest.uuid, words[words.index("--from") + 1])
        if words[0] == "force-complete":
            eventually(lambda: guest.state.reason == "post-copy", "post-copy")
        else:
            eventually(lambda: guest.job_info().memory_processed, "a migration")


def threads(process: Started) -> set[str]:
    """The names of a process's threads, which are cut by the kernel to 15 characters."""
    names = set()
    for task in Path(f"/proc/{process.pid}/task").glob("*/comm"):
        # One may end in between.
        with suppress(OSError):
            names.add(task.read_text().strip())
    return names


def run(example: Example, guest: LabGuest, folder: Path, uris: dict[str, str]) -> None:
    """Runs an example; the guest must have come through it."""
    places = {name: str(folder / name) for name in ("vm1.html", "drain.html", "host2.json")}
    if example.json is not None:
        (folder / "host2.json").write_text(example.json)
    Session(guest, {**places, **uris}).run(example.lines)
    for line in example.lines:
        if "--report" in line:
            assert "<svg" in Path(places[line.split("--report ")[1].split()[0]]).read_text()
    guest.beats.wait_for_passes()
    assert guest.beats.is_intact()


@pytest.fixture(autouse=True)
def _nobody_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests have drained the same hosts."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.mark.parametrize("example", PLAIN, ids=lambda example: example.name)
def test_the_command(
    example: Example, start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path
) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    uris = {f"qemu+tcp://{host.name}/system": host.uri for host in (source, destination)}
    run(example, guest, tmp_path, uris)
    if example.lines[-1].split()[1] in ("migrate", "recover", "drain", "force-complete"):
        assert_runs_at(guest, destination)


def test_the_command_by_ssh(start_guest: StartGuest, source: Host, destination: Host, tmp_path: Path) -> None:
    guest = start_guest(workload=Workload(working_set=2, rest=20))
    (example,) = (example for example in EXAMPLES if example.speaks("ssh"))
    with ssh_servers([source, destination], tmp_path) as servers:
        uris = {f"qemu+ssh://root@{name}/system": uri for name, uri in servers.items()}
        run(example, guest, tmp_path, uris)
    assert_runs_at(guest, destination)


@pytest.mark.lab
def test_the_command_by_tls(tmp_path: Path) -> None:
    (example,) = (example for example in EXAMPLES if example.speaks("tls"))
    with Lab(f"pytest-docs-{os.getpid()}", tls=True) as lab:
        guest = lab.start_guest("docs", workload=Workload(working_set=2, rest=20))
        uris = {f"qemu+tls://{host.name}/system": host.tls_uri for host in lab.hosts}
        run(example, guest, tmp_path, uris)
        assert_runs_at(guest, lab.hosts[1])


def test_every_document_has_been_read() -> None:
    """An example that is not recognised would not be run."""
    count = sum(document.read_text().count("\n$ libvirt-migrate ") for document in DOCUMENTS)
    assert count == sum(len(example.lines) for example in EXAMPLES) >= 15


def documented() -> dict[str, set[str]]:
    """The fields of each event, from the table."""
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (.*) \|$", (DOCS / "json.md").read_text(), re.MULTILINE)
    return {event: set(re.findall(r"`([a-z_]+)`", fields)) for event, fields in rows}


def test_the_table_of_events_is_the_schema() -> None:
    table = documented()
    kinds = SCHEMA["properties"]["event"]["enum"]
    assert list(table) == kinds
    assert [choice["$ref"] for choice in SCHEMA["oneOf"]] == [f"#/$defs/{kind}" for kind in kinds]
    for kind in kinds:
        definition = SCHEMA["$defs"][kind]
        names = set(definition["properties"]) - {"event"}
        for part in definition.get("allOf", []):
            names |= set(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]["properties"])
        assert names <= table[kind], kind
        assert set(definition["required"]) <= names, kind


def test_the_schema_knows_every_action() -> None:
    stubs = (DOCS.parent / "python" / "libvirt_migrate" / "_core.pyi").read_text()
    (names,) = re.findall(r"class Decision:.*?def action\(.*?Literal\[(.*?)\]", stubs, re.DOTALL)
    assert SCHEMA["$defs"]["decided"]["properties"]["action"]["enum"] == re.findall(r'"([a-z-]+)"', names)


def test_every_kind_of_object(start_guest: StartGuest, source: Host, destination: Host) -> None:
    """What each command prints, which `events` holds to the schema."""
    guest = start_guest(workload=Workload(working_set=4))
    there = (destination.uri, "--from", source.uri)
    limited = ("--max-downtime", "250ms", "--bandwidth", "40")
    outputs = [
        command("status", "--from", source.uri, "--json").stdout,
        command("plan", guest.name, *there, *LISTEN, "--json").stdout,
        command("migrate", guest.name, *there, *LISTEN, *limited, "--json").stdout,
        command("drain", destination.uri, "--to", source.uri, *LISTEN, "--json").stdout,
        command("status", "nobody", "--from", source.uri, "--json").stdout,
        command("abort", guest.name, "--from", source.uri, "--json").stdout,
        command("migrate", "--json").stdout,
    ]
    kinds = {event["event"] for output in outputs for event in events(output)}
    assert kinds == {
        *("check", "plan", "start", "progress", "decision", "end"),
        *("guest", "drain", "move", "drained", "error"),
    }


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "cli.md").read_text(), re.MULTILINE)}
    assert codes == {value for name, value in vars(Exit).items() if name.isupper()}


def test_every_failed_check_and_every_place_of_need_has_its_advice() -> None:
    text = (DOCS / "errors.md").read_text()
    for name in SCHEMA["$defs"]["check"]["properties"]["name"]["enum"]:
        assert f"\n| `{name}: " in text, name
    for place, words in PLACES.items():
        if place not in ("source-running", "destination-running"):
            said = re.match(r"[\w -]+", words)
            assert said is not None
            assert f"\n| `{said[0]}" in text, place


def test_bash_reads_the_examples() -> None:
    script = "\n".join(line for example in EXAMPLES for line in example.lines)
    subprocess.run(["bash", "-n", "-c", script], check=True, timeout=30, env=environment())


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / link).exists(), (document.name, link)
