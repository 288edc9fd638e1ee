"""Passwords reach no log, error, repr, page or line of JSON. The parsers are in tests/rust/secrets.rs."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import libvirt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import StartGuest
from helpers.commands import command
from helpers.migrating import MigratingDomain, libvirtError
from libvirt_migrate import (
    Guest,
    Host,
    LibvirtError,
    MigrationError,
    MigrationFailed,
    Retarget,
    build_migrate_params,
    diff_xml,
    retarget_xml,
)
from libvirt_migrate._mask import mask
from libvirt_migrate.cli.errors import explain, one_line
from libvirt_migrate.lab import Host as LabHost
from libvirt_migrate.lab import LabGuest, Workload

#: As long as a VNC password may be.
SECRET = "hunter2x"  # noqa: S105
AS_ROOT = f"root:{SECRET}@"
XML = f"""<domain type='test'><name>vm</name><devices>
<graphics type='vnc' passwd='{SECRET}' listen='192.0.2.1'/></devices></domain>"""


def assert_hidden(*texts: object) -> None:
    for text in texts:
        assert SECRET not in str(text)


def everything_of(error: BaseException) -> str:
    """All that a program or a log prints of an exception."""
    shown = [str(error), repr(error), str(error.args), str(vars(error))]
    return "\n".join([*shown, *traceback.format_exception(error)])


def with_user(uri: str) -> str:
    return uri.replace("://", f"://{AS_ROOT}")


def test_reprs() -> None:
    uri = f"qemu+ssh://{AS_ROOT}host2/system?keyfile={SECRET}"
    params = build_migrate_params(
        XML, destination=uri, migrate_uri=f"tcp://{AS_ROOT}h", disks_uri=f"tcp://{AS_ROOT}h"
    )
    assert_hidden(repr(params), str(params))
    assert "qemu+ssh://host2/system" in repr(params)
    # They are what libvirt gets, all the same.
    assert SECRET in params["destination_xml"]
    assert params["migrate_uri"] == f"tcp://{AS_ROOT}h"
    retarget = Retarget.from_dict(
        {"disks": [{"match": {"target": "vda"}, "xml": f"<disk><auth passwd='{SECRET}'/></disk>"}]}
    )
    assert_hidden(repr(retarget), str(retarget))


def test_changes_and_errors_of_definitions() -> None:
    for after in (
        XML.replace(SECRET, f"{SECRET}-2"),
        XML.replace("</devices>", "<x token='" + SECRET + "'/></devices>"),
    ):
        changes = diff_xml(XML, after)
        assert changes
        assert_hidden(*changes, *map(repr, changes))
    for call in (
        lambda: build_migrate_params(XML.replace("</devices>", "")),
        lambda: retarget_xml(XML.replace("'/>", "/>"), Retarget()),
        lambda: diff_xml(XML, XML + XML),
        lambda: build_migrate_params(destination=f"qemu+tcp://{AS_ROOT}[::1/system"),
        lambda: build_migrate_params({"a": SECRET}),  # type: ignore[arg-type]
        lambda: Retarget.from_dict({"disks": [{"match": SECRET, "xml": XML}]}),
    ):
        with pytest.raises(MigrationError) as caught:
            call()
        assert_hidden(str(caught.value), repr(caught.value))


def test_libvirts_own_errors() -> None:
    uri = f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system?foo={SECRET}"
    for call in (lambda: Host.open(uri), lambda: Guest.open("vm", uri)):
        with pytest.raises(LibvirtError) as caught:
            call()
        assert_hidden(everything_of(caught.value))


def test_errors_of_a_domain_object(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    class Domain(MigratingDomain):
        def migrateToURI3(self, *_: Any, **__: Any) -> int:
            raise libvirtError(
                38, f"Failed to connect to remote libvirt URI qemu+tcp://{AS_ROOT}h/system?x={SECRET}: no"
            )

        def suspend(self) -> int:
            raise libvirtError(1, f"at tcp://{AS_ROOT}h")

    destination = f"qemu+tcp://{AS_ROOT}h/system"
    with pytest.raises(MigrationFailed, match="qemu") as caught:
        Guest(Domain()).migrate({}, destination=destination)
    assert_hidden(everything_of(caught.value))
    assert "qemu+tcp://h/system" in str(caught.value)
    assert caught.value.__cause__ is None
    ended: list[Any] = []
    migration = Guest(Domain()).start_migration({}, destination=destination, on_end=ended.append)
    with pytest.raises(MigrationFailed) as caught:
        migration.result()
    assert_hidden(everything_of(caught.value), repr(migration), migration.decisions)
    domain = Domain()
    with pytest.raises(MigrationError) as refused:
        Guest(domain).suspend()
    assert_hidden(everything_of(refused.value))
    assert_hidden(caplog.text)


def test_an_error_without_a_secret_keeps_its_cause() -> None:
    class Domain(MigratingDomain):
        def suspend(self) -> int:
            raise libvirtError(1, "at tcp://h")

    with pytest.raises(MigrationError) as caught:
        Guest(Domain()).suspend()
    assert isinstance(caught.value.__cause__, libvirtError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate", "vm1", f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system"],
        ["migrate", "vm1", f"qemu+tcp://{AS_ROOT}[::1/system"],
        ["migrate", "vm1", f"{AS_ROOT}host2"],
        ["migrate", f"qemu+tcp://{AS_ROOT}h/system", "vm1"],
        ["status", "--from", f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system"],
        ["status", "one", "two", f"qemu+tcp://{AS_ROOT}h/system"],
        ["status", f"--frm=qemu+tcp://{AS_ROOT}h/system"],
        ["plan", "vm1", "test:///default", "--set", f"<graphics passwd='{SECRET}'/>"],
        ["plan", "vm1", "test:///default", "--set", f'disks=[{{"xml": "<disk passwd=\'{SECRET}\'/>"}}]'],
        ["plan", "vm1", "test:///default", "--set", f"graphics=[<{SECRET}"],
        ["plan", "vm1", "test:///default", "--migrate-uri", f"tcp://{AS_ROOT}[h"],
        [
            "drain",
            f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system",
            "--to",
            f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system",
        ],
        ["watch", "vm1", "--from", f"qemu+tcp://{AS_ROOT}127.0.0.1:1/system", "--to", f"{AS_ROOT}h"],
    ],
    ids=lambda words: words[0],
)
def test_refusals_of_the_command(arguments: list[str]) -> None:
    # Both forms take the same way; half of the cases each.
    form = ["--json"] if sum(map(len, arguments)) % 2 else []
    done = command(*arguments, *form)
    assert done.returncode == 2, done
    assert_hidden(done.stdout, done.stderr)


def with_password(guest: LabGuest, host: LabHost) -> None:
    """Starts the guest anew with a password for its display and a secret in QEMU's environment."""
    domain = guest.domain(host)
    xml = guest.xml.replace("autoport='yes'", f"autoport='yes' passwd='{SECRET}'")
    xml = xml.replace(
        "<domain type='qemu'>", "<domain type='qemu' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
    )
    xml = xml.replace(
        "</domain>", f"<q:commandline><q:env name='API_TOKEN' value='{SECRET}'/></q:commandline></domain>"
    )
    domain.destroy()
    guest.beats.forget()
    host.connection().defineXML(xml)
    domain.create()
    guest.beats.wait_for_passes()


def has_password(guest: LabGuest, host: LabHost) -> bool:
    domain = guest.domain(host)
    secure = libvirt.VIR_DOMAIN_XML_SECURE
    kept = domain.XMLDesc(secure | libvirt.VIR_DOMAIN_XML_INACTIVE)
    return all(f"passwd='{SECRET}'" in xml for xml in (domain.XMLDesc(secure), kept))


def test_the_command_and_the_library_with_a_real_guest(
    start_guest: StartGuest,
    source: LabHost,
    destination: LabHost,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guest = start_guest(memory=64, workload=Workload(working_set=8))
    with_password(guest, source)
    here, there = with_user(source.uri), with_user(destination.uri)
    nowhere = f"qemu+tcp://{AS_ROOT}{destination.address}:1/system"
    changes = tmp_path / "changes.json"
    changes.write_text(Retarget.from_dict({"graphics": {"vnc": destination.address}}).to_json())

    # Failures of the library, told everywhere.
    caplog.set_level(logging.DEBUG)
    with pytest.raises(MigrationFailed) as caught:
        Guest(guest.domain(source)).migrate({}, destination=nowhere)
    assert_hidden(everything_of(caught.value))
    # A reader of definitions that quotes the line which it does not understand.
    with pytest.raises(LibvirtError, match="mismatch") as unread:
        Host.open(here).check_definition(XML.replace("</devices>", "</device>"))
    assert_hidden(everything_of(unread.value))
    migration = Guest.open(guest.name, here).start_migration({}, destination=nowhere)
    with pytest.raises(MigrationFailed) as caught:
        migration.result()
    assert_hidden(everything_of(caught.value), repr(migration), migration.decisions)

    outputs = []
    page = tmp_path / "report.html"
    run = [
        ("plan", guest.name, there, "--from", here, "--retarget", str(changes)),
        ("status", guest.name, "--from", here),
        ("status", "--from", here),
        ("watch", guest.name, "--from", here, "--to", there),
        ("migrate", guest.name, nowhere, "--from", here),
        ("migrate", guest.name, there, "--from", here, "--migrate-uri", f"tcp://{AS_ROOT}192.0.2.77:49152",
         "--retarget", str(changes), "--report", str(tmp_path / "failed.html")),
        ("migrate", guest.name, there, "--from", here, "--retarget", str(changes), "--report", str(page)),
    ]  # fmt: skip
    codes = []
    for arguments in run:
        for form in ((), ("--json",)) if arguments[0] != "migrate" else (("--json",),):
            done = command(*arguments, *form)
            codes.append((arguments[0], done.returncode))
            outputs += [done.stdout, done.stderr]
    assert codes == [
        *[("plan", 0)] * 2, *[("status", 0)] * 4, *[("watch", 2)] * 2,
        ("migrate", 2), ("migrate", 1), ("migrate", 0),
    ], outputs  # fmt: skip
    assert_hidden(*outputs, page.read_text(), (tmp_path / "failed.html").read_text(), caplog.text)
    assert "the migration failed" in caplog.text
    assert guest.name in page.read_text()
    # The destination has it; only people have not seen it.
    assert has_password(guest, destination)


@given(
    st.text(alphabet="abc:/?#@[]<>'\"% ,;=&", max_size=30),
    st.text(alphabet="ab:,;'%<\"=&", min_size=1, max_size=8),
)
def test_whatever_is_around_a_uri(around: str, password: str) -> None:
    text = f"{around} qemu+ssh://user:{SECRET}{password}@host/x?{password}={SECRET} {around}"
    assert_hidden(mask(text), one_line(text), explain(RuntimeError(text)))
    assert "host/x" in mask(text)
    assert mask(mask(text)) == mask(text)
