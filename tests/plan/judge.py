"""Judges one situation: what `plan` said, and what a migration then did."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import libvirt

from helpers.commands import command
from helpers.events import events
from helpers.moves import is_at
from libvirt_migrate import Guest, MigrationError
from libvirt_migrate.cli.errors import one_line
from libvirt_migrate.cli.options import Migrate, typed
from libvirt_migrate.cli.parser import build_parser
from libvirt_migrate.cli.planning import make_plan
from libvirt_migrate.cli.request import request_from
from libvirt_migrate.lab import Host

from .frame import Stage
from .situation import Situation

#: What differs from run to run, or says only who speaks.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z ")
_SPEAKER = re.compile(r"^libvirt-migrate: (error: |\S+: failed: )?")

#: `plan`'s exit code for each word.
CODES = {"ready": 0, "unknown": 0, "fail": 3, "fatal": 3, "refused": 2}


@dataclass(frozen=True)
class Verdict:
    """A row of the table."""

    #: What `plan` said.
    said: str
    #: What then happened.
    happened: str


def judge(situation: Situation, stage: Stage) -> Verdict:
    """Asks `plan`, migrates, and asserts that the one was true of the other."""
    code, told = _ask(stage)
    assert code == CODES[situation.word], told
    assert is_at_source(stage), "plan must move nothing"
    if situation.word == "refused":
        return Verdict(_short(told[-1]["message"], stage), _refused_too(stage))
    checks = [event for event in told if event["event"] == "check"]
    unknown = {check["name"] for check in checks if check["result"] == "not known"}
    assert unknown >= set(situation.unknown), unknown
    failed = {check["name"]: check for check in checks if check["result"] == "fail"}
    if situation.word in ("ready", "unknown"):
        assert failed == {}, failed
        said = _ready(told[-1], checks)
        return Verdict(said, _moves(stage) if situation.word == "ready" else _is_told_by_strict(stage))
    assert situation.check in failed, (failed, unknown)
    check = failed[situation.check]
    assert any(one["fatal"] for one in failed.values()) == (situation.word == "fatal"), failed
    said = f"{situation.check}: {_short(check['reason'], stage)}"
    return Verdict(said, _is_refused(stage) if situation.word == "fatal" else _is_harmful(stage))


def _ready(plan: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    """`plan`'s own word, which has the number of what is not known, and what that is."""
    unknown = [check["name"] for check in checks if check["result"] == "not known"]
    word: str = plan["word"]
    assert word.startswith("ready to migrate")
    assert (plan["failed"], plan["not_known"]) == (0, len(unknown))
    assert not unknown or f": {len(unknown)} check" in word
    return f"{word} ({', '.join(unknown)})" if unknown else word


def _ask(stage: Stage) -> tuple[int, list[dict[str, Any]]]:
    done = command(*stage.words("plan", "--json"), timeout=110, **stage.environment)
    assert done.stderr == ""
    return done.returncode, events(done.stdout)


def is_at_source(stage: Stage) -> bool:
    """Whether the source has the guest, running or paused, and the destination has not."""
    assert stage.guest is not None
    return not is_at(stage.guest, stage.destination) and bool(stage.domain(stage.source).UUIDString())


def _moves(stage: Stage) -> str:
    """After "ready": the command moves the guest, and its next start there works."""
    assert stage.guest is not None
    done = command(*stage.words("migrate"), timeout=110, **stage.environment)
    assert done.returncode == 0, (done.stdout, done.stderr)
    if stage.domain(stage.destination).state()[0] == libvirt.VIR_DOMAIN_RUNNING:
        stage.guest.beats.wait_for_passes(2)
        assert stage.guest.beats.is_intact()
    failure = next_start(stage, stage.destination)
    assert failure is None, f"the next start fails: {failure}"
    return "moved; the next start works"


def _is_told_by_strict(stage: Stage) -> str:
    """After "as far as is known": --strict would not start it, and libvirt refuses it without harm."""
    for name in ("plan", "migrate"):
        done = command(*stage.words(name, "--strict"), timeout=110, **stage.environment)
        assert done.returncode == 3, (done.stdout, done.stderr)
    done = command(*stage.words("migrate"), timeout=110, **stage.environment)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert is_at_source(stage)
    return f"--strict stops it; refused: {_short(done.stderr.strip().splitlines()[-1], stage)}"


def _refused_too(stage: Stage) -> str:
    done = command(*stage.words("migrate"), timeout=110, **stage.environment)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert is_at_source(stage)
    return "nothing was started"


def _is_refused(stage: Stage) -> str:
    """After a fatal failure: the command does not start it, and libvirt's own call refuses it as well."""
    done = command(*stage.words("migrate", "--force"), timeout=110, **stage.environment)
    assert done.returncode == 3, (done.stdout, done.stderr)
    reason = ask_libvirt(stage)
    assert reason is not None, "libvirt has moved the guest"
    assert is_at_source(stage)
    return f"libvirt: {_short(reason, stage)}"


def _is_harmful(stage: Stage) -> str:
    """After a failure that --force goes past: a refusal, or a harm that is there when the guest has moved."""
    done = command(*stage.words("migrate", "--force"), timeout=110, **stage.environment)
    assert done.returncode in (0, 1), (done.stdout, done.stderr)
    if done.returncode == 1:
        assert is_at_source(stage)
        return f"refused: {_short(done.stderr.strip().splitlines()[-1], stage)}"
    if stage.harm is not None:
        return f"moved, and {stage.harm()}"
    failure = next_start(stage, stage.destination)
    assert failure is not None, (
        "the guest has moved, and its next start works: the check has failed for nothing"
    )
    return f"moved, and the next start fails: {_short(failure, stage)}"


def ask_libvirt(stage: Stage) -> str | None:
    """Why libvirt refuses the migration that the command would start, without the command's checks."""
    assert stage.guest is not None
    options = typed(build_parser().parse_args(stage.words("migrate")))
    assert isinstance(options, Migrate)
    request = request_from(options, options.destination)
    plan = make_plan(request, stage.guest.uuid, stage.source.uri, stage.destination.uri)
    try:
        Guest.open(stage.guest.uuid, stage.source.uri).migrate(plan.params)
    except MigrationError as error:
        return one_line(str(error))
    return None


def next_start(stage: Stage, host: Host) -> str | None:
    """Why the guest does not start at a host after it was shut off there; nothing where it does."""
    domain = stage.domain(host)
    domain.destroy()
    deadline = time.monotonic() + 60
    while domain.isActive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        domain.create()
    except libvirt.libvirtError as error:
        return one_line(str(error))
    return None


def _short(text: str, stage: Stage) -> str:
    """A reason without what differs from run to run."""
    text = _SPEAKER.sub("", text).partition(" (the guest is ")[0].replace(stage.name, "vm1")
    text = _STAMP.sub("", _UUID.sub("UUID", text))
    for host, name in ((stage.source, "host1"), (stage.destination, "host2")):
        text = text.replace(host.address, name)
    return text
