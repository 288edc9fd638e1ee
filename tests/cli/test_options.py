"""The command without a host: options, values, help, and what it refuses before it asks anybody."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.commands import COMMAND, command, environment, refused
from libvirt_migrate._mask import mask
from libvirt_migrate.cli.commands.help import TOPICS
from libvirt_migrate.cli.draining.placing import Place, best_fit, in_order
from libvirt_migrate.cli.errors import repeatable
from libvirt_migrate.cli.options import typed
from libvirt_migrate.cli.parser import _EXAMPLES, _MORE, build_parser
from libvirt_migrate.cli.terminal.values import duration, show_size, show_time

HOST = "qemu+tcp://host2/system"
COMMANDS = [
    "migrate",
    "plan",
    "status",
    "watch",
    "abort",
    "force-complete",
    "recover",
    "drain",
    "undrain",
    "completion",
]


@pytest.mark.parametrize(
    ("text", "seconds"), [("300ms", 0.3), ("5m", 300), ("1m30s", 90), ("0.5", 0.5), ("2h", 7200), ("10", 10)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@given(st.text())
def test_no_text_breaks_durations(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 < duration(text) <= 365 * 86400


@given(st.floats(min_value=0, max_value=1e15))
def test_sizes_keep_their_magnitude(size: float) -> None:
    number, unit = show_size(size).split()
    factor = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
    assert float(number) * factor == pytest.approx(size, rel=0.06, abs=0.51)


def test_times() -> None:
    assert [show_time(time) for time in (None, 0.0871, 3.44, 75, 3725)] == [
        "?",
        "87 ms",
        "3.4 s",
        "1 min 15 s",
        "1 h 02 min",
    ]


def test_secrets_in_uris_are_masked() -> None:
    text = "cannot reach qemu+ssh://root:hunter2@host2:22/system?password=hunter2, or http://a/b"
    assert mask(text) == "cannot reach qemu+ssh://host2:22/system or http://a/b"


@pytest.mark.parametrize(
    ("uri", "again"),
    [
        ("qemu:///system", "qemu:///system"),
        (
            "qemu+ssh://root@h/system?keyfile=/k&no_verify=1",
            "qemu+ssh://root@h/system?keyfile=/k&no_verify=1",
        ),
        ("qemu+tcp://me:hunter2@[::1]:1/system?password=hunter2&x=y", "qemu+tcp://me@[::1]:1/system"),
    ],
)
def test_a_suggested_uri_works_and_tells_no_secret(uri: str, again: str) -> None:
    assert repeatable(uri) == again


@given(st.lists(st.integers(1, 50)), st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_guests_fit_where_they_are_placed(guests: list[int], free: list[int]) -> None:
    places = [Place(str(index), memory) for index, memory in enumerate(free)]
    for _, memory in in_order((str(index), memory) for index, memory in enumerate(guests)):
        before = {place.uri: place.free for place in places}
        chosen = best_fit(memory, places)
        enough = [left for left in before.values() if left >= memory]
        if chosen is None:
            assert not enough
            continue
        assert before[chosen.uri] == min(enough)
        assert chosen.free == before[chosen.uri] - memory >= 0


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_has_examples_and_needs_no_libvirt(name: str) -> None:
    code = (
        "import sys; from libvirt_migrate.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('native' if 'libvirt_migrate._core' in sys.modules else 'light', file=sys.stderr)"
    )
    words = [*filter(None, [name]), "--help"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "light\n")
    assert f"usage: libvirt-migrate {name}".rstrip() in done.stdout
    assert f"  libvirt-migrate {name}" in done.stdout.split("example", 1)[1]


def test_the_examples_of_the_help_are_taken() -> None:
    lines = [line for line in (_EXAMPLES + _MORE).splitlines() if line.startswith("  libvirt-migrate")]
    assert len(lines) > 10
    for line in lines:
        words = shlex.split(line.partition(">")[0])[1:]
        if words[0] != "nova":
            assert typed(build_parser().parse_args(words)).command == words[0]


def test_the_version_is_the_modules() -> None:
    import libvirt_migrate

    done = command("--version")
    assert done.stdout == f"libvirt-migrate {libvirt_migrate.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["migrate", "vm1", HOST, "--dead", "3"], "there is no option --dead"),
        (["migrate", "vm1"], "the following arguments are required: DEST_URI"),
        (["migrate", "vm1", HOST, "--deadline", "5x"], "'5x' is no duration: write 300ms, 5m"),
        (["migrate", "vm1", HOST, "--max-downtime", "0"], "'0' is out of range"),
        (["migrate", "vm1", HOST, "--max-downtime", "3h"], "--max-downtime: 10800 s is not between"),
        (["migrate", "vm1", HOST, "--parallel", "0"], "--parallel: must be 1 or more"),
        (["migrate", "vm1", HOST, "--bandwidth", "-4"], "--bandwidth"),
        (["migrate", "vm1", HOST, "--bandwidth", "9" * 30], "--bandwidth"),
        (["migrate", "vm1", HOST, "--compression", "rar"], '--compression: "rar" is not one of'),
        (["migrate", "vm1", HOST, "--compression", "zstd"], '--compression: "zstd" needs --parallel'),
        (
            ["migrate", "vm1", HOST, "--compression", "zlib,zstd", "--parallel", "2"],
            "--compression: libvirt takes one method with --parallel",
        ),
        (["migrate", "vm1", HOST, "--tunnelled", "--post-copy"], "refuses --post-copy with --tunnelled"),
        (["migrate", "vm1", "qemu:///system", "--set", "graphics.vnc={host}"], "names no host for {host}"),
        (["migrate", "vm1", HOST, "--copy-storage", "vda,"], "is no list of names like vda,vdb"),
        (
            ["migrate", "vm1", HOST, "--copy-storage", "vda", "--copy-storage-incremental", "vdb"],
            "--copy-storage-incremental: not allowed with argument --copy-storage",
        ),
        (["migrate", "vm1", HOST, "--copy-storage", "vda,all"], "--copy-storage: all stands alone"),
        (["migrate", "vm1", "host2"], "DEST_URI: 'host2' is no URI of a libvirt daemon and no uri_alias"),
        (["migrate", "vm1", HOST, "--from", "root:hunter2@host1"], "--from: this is no URI"),
        (["status", "--from", "host1"], "write qemu+ssh://host1/system"),
        (["drain", "host1", "--to", HOST], "HOST: 'host1' is no URI"),
        (["migrate", "vm1", "qemu+tcp://host2:x/system"], "is no URI of a libvirt daemon"),
        (["migrate", "vm1", HOST, "--set", "graphics"], "write FIELD=VALUE"),
        (["migrate", "vm1", HOST, "--set", "frob.x=1"], "unknown field `frob`"),
        (["migrate", "vm1", HOST, "--set", "serial.ports=[1"], "--set serial.ports: is no JSON"),
        (["migrate", "vm1", HOST, "--set", "cpu_shares=1", "--set", "cpu_shares.x=1"], "has no fields"),
        (["migrate", "vm1", HOST, "--retarget", "/nowhere.json"], "No such file or directory"),
        (["migrate", "vm1", HOST, "--report", "x.pdf"], "must end in .html or .svg"),
        (["migrate", "vm1", HOST, "--report", "/nowhere/x.svg"], "there is no folder /nowhere"),
        (["drain", "qemu:///system"], "the following arguments are required: --to"),
        (["drain", "qemu:///system", "--to", "b"], "'b' is no URI"),
        (["recover", "vm1", "b"], "'b' is no URI"),
        (["completion", "ksh"], "invalid choice: 'ksh'"),
        (["migrate", "vm1", "qemu+tcp://127.0.0.1:1/system", "--from", "test:///default"], "no guest 'vm1'"),
        (
            ["status", "--from", "qemu+tcp://u:hunter2@127.0.0.1:1/system"],
            "Connection refused; is its daemon",
        ),
        (["status", "--from", "frob://x/y"], "cannot be reached"),
        (
            ["status", "--from", "qemu+tls://127.0.0.1:1/system?pkipath=/nowhere"],
            # libvirt 12 says "does not exist" in between.
            "No such file or directory; libvirt-migrate help getting-started lists the files that TLS needs",
        ),
        (["status", "x\ny", "--from", "test:///default"], "no guest 'x\\ny' at test:///default"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments: list[str], message: str) -> None:
    line = refused(command(*arguments))
    assert message in line
    assert line.count("; libvirt-migrate help getting-started") <= 1
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"graphics": {"vmc": "::1"}}', "unknown field `vmc`"),
        ("{", "EOF while parsing"),
        ("[]", "--retarget"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_wrong_json_file_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = tmp_path / "retarget.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    line = refused(command("plan", "vm1", HOST, "--retarget", str(file)))
    assert message in line
    assert str(file) in line


def test_errors_are_json_too() -> None:
    done = command("status", "--from", "qemu+tcp://127.0.0.1:1/system", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    fields = json.loads(done.stdout)
    assert fields["event"] == "error"
    assert fields["code"] == 2


def test_without_rich_and_shtab_it_is_plain(tmp_path: Path) -> None:
    for name in ("rich", "shtab"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('no {name}')")
    line = refused(command("completion", "bash", PYTHONPATH=str(tmp_path)))
    assert line == "completion needs shtab: pip install 'libvirt-migrate[cli]'"
    assert command("status", "--from", "test:///default", PYTHONPATH=str(tmp_path)).stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    script = f"{' '.join(COMMAND)} status --from test:///default | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("topic", [path.stem for path in sorted(TOPICS.glob("*.md"))])
def test_a_topic_of_the_help_is_the_document(topic: str) -> None:
    """Shipped with the command: cp docs/TOPIC.md python/libvirt_migrate/cli/topics."""
    text = (Path(__file__).parents[2] / "docs" / f"{topic}.md").read_text()
    assert (TOPICS / f"{topic}.md").read_text() == text
    done = command("help", topic)
    assert (done.returncode, done.stdout, done.stderr) == (0, text, "")


def test_what_messages_name_is_shipped() -> None:
    cli = Path(__file__).parents[2] / "python" / "libvirt_migrate" / "cli"
    source = "\n".join(path.read_text() for path in cli.rglob("*.py"))
    named = set(re.findall(r"(?:libvirt-migrate |\()help ([a-z-]+)", source))
    assert {"retarget", "getting-started"} <= named <= {path.stem for path in TOPICS.glob("*.md")}
    assert "docs/retarget.md" not in source


def test_the_help_of_a_command_is_its_own() -> None:
    assert command("help", "drain").stdout == command("drain", "--help").stdout
    assert "topics of libvirt-migrate help: checks, " in command("help").stdout


def test_a_log_is_text_or_json() -> None:
    code = (
        "import logging, sys\n"
        "from libvirt_migrate.cli.terminal.logs import log\n"
        "log(int(sys.argv[1]), sys.argv[2] or None)\n"
        "logger = logging.getLogger('libvirt_migrate')\n"
        "logger.info('to qemu+tcp://u:hunter2@h/system\\nand on')\n"
        "logger.debug('a detail')\n"
    )

    def logged(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=30
        )
        assert done.stdout == ""
        return done.stderr.splitlines()

    assert logged("0", "") == []
    (line,) = logged("1", "")
    assert line.endswith(" info to qemu+tcp://h/system and on")
    first, second = (json.loads(line) for line in logged("2", "json"))
    assert (first["level"], first["message"]) == ("info", "to qemu+tcp://h/system and on")
    assert (second["level"], second["logger"]) == ("debug", "libvirt_migrate")
