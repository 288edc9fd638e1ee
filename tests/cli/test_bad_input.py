"""Wrong command lines: each gets one line that helps, and the exit code for nothing that was started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.commands import command, refused

HOST = "qemu+tcp://host2/system"
#: A daemon with a guest named test, in libvirt itself.
TEST = "test:///default"
#: Nothing listens there.
NOBODY = "qemu+tcp://127.0.0.1:1/system"
MOVE = ("migrate", "vm1", HOST)

TABLE: list[tuple[tuple[str, ...], str]] = [
    # Commands.
    (("migrat", "vm1", HOST), "there is no command 'migrat'; did you mean migrate?"),
    (("Status",), "there is no command 'Status'; did you mean status?"),
    (("frob",), "there is no command 'frob'; libvirt-migrate --help"),
    (("vm1", HOST), "there is no command 'vm1'"),
    (("force_complete", "vm1"), "did you mean force-complete?"),
    (("--jsn", "status"), "there is no option --jsn"),
    (("help", "retaget"), "did you mean retarget?"),
    (("help", "frob"), "there is no topic 'frob' (there are checks, "),
    # Options.
    ((*MOVE, "--max-downtme", "3"), "there is no option --max-downtme; did you mean --max-downtime?"),
    (("migrate", "vm1", "--form", HOST), "there is no option --form; did you mean --from?"),
    ((*MOVE, "--deadlin=3"), "there is no option --deadlin; did you mean --deadline?"),
    ((*MOVE, "--frobnicate"), "there is no option --frobnicate; libvirt-migrate migrate --help"),
    (("plan", "vm1", HOST, "--force"), "there is no option --force"),
    ((*MOVE, "--live"), "there is no option --live"),
    ((*MOVE, "-f"), "there is no option -f"),
    (("status", "-vm1"), "there is no option -vm1; a name that begins with a dash goes behind --"),
    ((*MOVE, "--from"), "argument --from: expected one argument"),
    # Words.
    (("migrate",), "required: GUEST, DEST_URI"),
    (("migrate", "vm1"), "required: DEST_URI"),
    ((*MOVE, "vm2"), "one word too many: 'vm2'"),
    (("drain", TEST), "required: --to"),
    (("completion",), "required: shell"),
    (("completion", "ksh"), "invalid choice: 'ksh'"),
    (("recover", "vm1", HOST, "--keep", "both"), "invalid choice: 'both'"),
    # Hosts.
    (("migrate", "vm1", "host2"), "write qemu+ssh://host2/system, qemu+tls://host2/system"),
    (("migrate", "vm1", ""), "DEST_URI: '' is no URI"),
    (("migrate", "vm1", "://host2"), "is no URI"),
    (("migrate", "vm1", "qemu+tcp://host2:99999/system"), "is no URI"),
    (("migrate", "vm1", "qemu+tcp://[::1/system"), "is no URI"),
    (("migrate", "vm1", "root:hunter2@host2"), "DEST_URI: this is no URI"),
    ((*MOVE, "--from", "root:hunter2@host1"), "--from: this is no URI"),
    (("status", "--from", "qemu+ssh://root:hunter2@host1:x/system"), "--from: this is no URI"),
    (("watch", "vm1", "--to", "host2"), "--to: 'host2' is no URI"),
    (("drain", "host1", "--to", HOST), "HOST: 'host1' is no URI"),
    (("drain", TEST, "--to", HOST, "--to", "host3"), "--to: 'host3' is no URI"),
    (("undrain", "host1"), "HOST: 'host1' is no URI"),
    (
        ("status", "--from", "qemu+tcp://u:hunter2@127.0.0.1:1/system"),
        "Connection refused; is its daemon running",
    ),
    (("status", "--from", "frob://x/y"), "cannot be reached"),
    # Guests.
    (
        ("status", "nobody", "--from", TEST),
        "no guest 'nobody' at test:///default; libvirt-migrate status --from",
    ),
    (("status", "", "--from", TEST), "no guest ''"),
    (("status", "two words", "--from", TEST), "no guest 'two words'"),
    (("status", "it's", "--from", TEST), 'no guest "it\'s"'),
    (("status", 'a"b', "--from", TEST), "no guest 'a\"b'"),
    (("status", "--from", TEST, "--", "-vm1"), "no guest '-vm1'"),
    (("status", "客户机", "--from", TEST), "no guest '客户机'"),
    (("status", "ضيف", "--from", TEST), "no guest 'ضيف'"),
    (("status", "x\ny", "--from", TEST), "no guest 'x\\ny'"),
    (("status", "$(reboot)", "--from", TEST), "no guest '$(reboot)'"),
    (("abort", "test", "--from", TEST), "not supported by the connection driver"),
    # Values.
    ((*MOVE, "--deadline", "5x"), "'5x' is no duration: write 300ms, 5m"),
    ((*MOVE, "--deadline", "-5"), "--deadline"),
    ((*MOVE, "--max-downtime", "0"), "'0' is out of range"),
    ((*MOVE, "--parallel", "none"), "'none' is no whole number"),
    ((*MOVE, "--bandwidth", "1.5"), "'1.5' is no whole number"),
    ((*MOVE, "--bandwidth", "٣"), "is no whole number"),
    ((*MOVE, "--on-deadline", "stop"), "invalid choice: 'stop'"),
    ((*MOVE, "--compression", "rar"), '"rar" is not one of'),
    ((*MOVE, "--zero-copy"), "--zero-copy"),
    ((*MOVE, "--tunnelled", "--post-copy"), "refuses --post-copy with --tunnelled"),
    ((*MOVE, "--copy-storage", "vda,all"), "all stands alone"),
    (
        (*MOVE, "--offline", "--post-copy"),
        "--offline moves a definition and no memory: leave out --post-copy",
    ),
    ((*MOVE, "--offline", "--copy-storage", "vda"), "refuses --offline with --copy-storage"),
    (("drain", TEST, "--to", HOST, "--offline"), "there is no option --offline"),
    ((*MOVE, "--dname", "a/b"), "--dname 'a/b': is no name that a guest can have"),
    ((*MOVE, "--dname", ""), "--dname '': is no name"),
    ((*MOVE, "--set", "graphics"), "write FIELD=VALUE"),
    ((*MOVE, "--set", "frob.x=1"), "unknown field `frob`"),
    ((*MOVE, "--set", "graphics.vnc_passwd hunter2"), "--set FIELD: write FIELD=VALUE"),
    ((*MOVE, "--retarget", "/nowhere.json"), "No such file or directory"),
    ((*MOVE, "--report", "x.pdf"), "must end in .html or .svg"),
    (("drain", TEST, "--to", HOST, "--report", "x.svg"), "its name must end in .html"),
    (("drain", TEST, "--to", HOST, "--jobs", "0"), "must be 1 or more"),
    ((*MOVE, "--log-format", "xml"), "invalid choice: 'xml'"),
    ((*MOVE, "--connect-timeout", "soon"), "'soon' is no duration"),
    (("migrate", "vm1", NOBODY, "--from", TEST), "no guest 'vm1'"),
]


@pytest.mark.parametrize(
    ("words", "said"), TABLE, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_wrong_command_line_gets_one_useful_line(words: tuple[str, ...], said: str) -> None:
    line = refused(command(*words))
    assert said in line
    assert "hunter2" not in line
    assert "?;" not in line
    assert ";;" not in line


def test_the_table_is_long() -> None:
    assert len({words for words, _ in TABLE}) == len(TABLE) >= 50


def test_bytes_that_are_no_text_are_told_as_such() -> None:
    assert "'vm?' is no text in UTF-8" in refused(command("status", os.fsdecode(b"vm\xff"), "--from", TEST))


def test_without_words_it_is_the_help_and_nothing_was_done() -> None:
    done = command()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: libvirt-migrate ")


def test_a_path_that_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    line = refused(command("undrain", TEST, "--record", str(tmp_path / "x")))
    assert line.endswith("x is no record of a drain: 'guests'")
