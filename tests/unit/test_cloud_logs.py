"""What a run in tests/cloud tells of its logs where something was not right."""

from __future__ import annotations

from pathlib import Path

from cloud import logs


def test_faults_are_told_the_newest_of_each_log(tmp_path: Path) -> None:
    (tmp_path / "rabbitmq").mkdir()
    (tmp_path / "nova.log").write_text(
        "".join(f"2026-11-27 21:00:0{n} 4 ERROR nova.compute [-] fault {n}\n" for n in range(6))
        + "2026-11-27 21:00:09 4 INFO nova.compute [-] no ERROR at all, it says\n"
    )
    (tmp_path / "rabbitmq" / "broker.log").write_text("2026-11-27 21:00 [error] <0.1> closed\n[info] open\n")
    (tmp_path / "keystone.out").write_text("Traceback (most recent call last):\nValueError: no\nfine\n")
    (tmp_path / "calm.log").write_text("2026-11-27 21:00:00 4 INFO calm\n")
    told = logs.faults(tmp_path)
    assert [line.split(": ", 1)[0] for line in told] == [
        *("keystone.out",) * 2,
        *("nova.log",) * 4,
        "rabbitmq/broker.log",
    ]
    assert told[-2].endswith("fault 5")


def test_no_folder_no_word(tmp_path: Path) -> None:
    assert logs.faults(tmp_path / "none") == []
