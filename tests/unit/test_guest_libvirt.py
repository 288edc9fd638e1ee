"""Guests of libvirt's built-in test driver: real libvirt calls that need no daemon."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libvirt_migrate import (
    Guest,
    InvalidParameter,
    LibvirtError,
    MigrationError,
    MigrationFailed,
    build_migrate_params,
)

libvirt = pytest.importorskip("libvirt")
#: A host with one running guest.
HOST = """<node><domain type='test'><name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
<memory>8192</memory><os><type>hvm</type></os></domain></node>"""


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A host of its own for each test."""
    (tmp_path / "host.xml").write_text(HOST)
    return f"test://{tmp_path}/host.xml"


@pytest.fixture
def dom(uri: str) -> Iterator[Any]:
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open(uri)
    yield connection.lookupByName("test")
    connection.close()


def same_error(ours: Any, theirs: Any) -> bool:
    accessors = [name for name in dir(theirs) if name.startswith("get_")]
    assert len(accessors) == 9
    return all(getattr(ours, name)() == getattr(theirs, name)() for name in accessors)


def test_it_shares_the_connection_and_says_the_same(dom: Any) -> None:
    guest = Guest(dom)
    assert (guest.name, guest.uuid, guest.id) == (dom.name(), dom.UUIDString(), dom.ID())
    assert guest.is_active == bool(dom.isActive())
    assert [guest.state.code, guest.state.reason_code] == dom.state()
    assert guest.xml() == dom.XMLDesc()
    assert guest.xml(inactive=True) == dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    guest.suspend()
    assert dom.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]
    guest.resume()
    assert dom.state()[0] == libvirt.VIR_DOMAIN_RUNNING


def test_its_reference_outlives_the_domain_and_the_connection(uri: str) -> None:
    connection = libvirt.open(uri)
    dom = connection.lookupByName("test")
    guest = Guest(dom)
    gone = weakref.ref(dom)
    del dom
    connection.close()
    del connection
    gc.collect()
    assert gone() is None
    assert guest.name == "test"
    assert "<name>test</name>" in guest.xml()


def test_an_error_is_a_libvirt_error_with_all_its_accessors(dom: Any) -> None:
    with pytest.raises(libvirt.libvirtError) as theirs:
        dom.jobStats()
    with pytest.raises(libvirt.libvirtError) as ours:
        Guest(dom).job_info()
    assert isinstance(ours.value, LibvirtError)
    assert isinstance(ours.value, MigrationError)
    assert same_error(ours.value, theirs.value)
    assert str(ours.value) == str(theirs.value)
    assert (ours.value.code, ours.value.domain) == (
        libvirt.VIR_ERR_NO_SUPPORT,
        theirs.value.get_error_domain(),
    )
    assert ours.value.message == theirs.value.get_error_message()


def test_a_failed_migration_is_a_libvirt_error_too(dom: Any) -> None:
    with pytest.raises(libvirt.libvirtError) as theirs:
        dom.migrateToURI3("test:///elsewhere", params={}, flags=31)
    with pytest.raises(MigrationFailed) as ours:
        Guest(dom).migrate({}, destination="test:///elsewhere", flags=31)
    assert isinstance(ours.value, libvirt.libvirtError)
    assert same_error(ours.value, theirs.value)
    assert ours.value.guest_location == "source-running"


def test_a_bridged_error_survives_pickling(dom: Any) -> None:
    with pytest.raises(MigrationFailed) as caught:
        Guest(dom).migrate({}, destination="test:///elsewhere", flags=31)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own)
    assert isinstance(copy, MigrationFailed)
    assert isinstance(copy, libvirt.libvirtError)
    assert (copy.err, copy.guest_location) == (caught.value.err, "source-running")


def test_a_guest_that_is_shut_off_or_gone(dom: Any) -> None:
    guest = Guest(dom)
    dom.destroy()
    params = build_migrate_params(guest.xml(), destination="test:///elsewhere")
    with pytest.raises(libvirt.libvirtError, match="test is shut off") as off:
        guest.migrate(params)
    assert off.value.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID
    assert guest.id is None
    dom.undefine()
    with pytest.raises(LibvirtError) as gone:
        guest.migrate(params)
    assert gone.value.code == libvirt.VIR_ERR_NO_DOMAIN


def test_a_proxy_is_never_unwrapped(dom: Any) -> None:
    class Proxy:
        """As eventlet's: hands every attribute on, but is not the domain."""

        calls: list[str] = []  # noqa: RUF012 (one proxy only)

        def __getattr__(self, name: str) -> Any:
            self.calls.append(name)
            return getattr(dom, name)

    guest = Guest(Proxy())
    Proxy.calls.clear()
    with pytest.raises(MigrationFailed) as caught:
        guest.migrate({}, destination="test:///elsewhere", flags=31)
    assert "migrateToURI3" in Proxy.calls
    assert isinstance(caught.value, libvirt.libvirtError)
    assert caught.value.get_error_code() == libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED


def test_open_by_name_and_uuid(uri: str) -> None:
    guest = Guest.open("test", uri=uri)
    assert guest.name == "test"
    assert Guest.open(guest.uuid, uri).name == "test"
    assert Guest.open(guest.uuid.replace("-", "").upper(), uri).name == "test"


@pytest.mark.parametrize(
    ("name", "bad_uri", "error", "named"),
    [
        ("nobody", None, LibvirtError, "nobody"),
        ("00000000-0000-0000-0000-000000000000", None, LibvirtError, "00000000"),
        ("te\0st", None, InvalidParameter, "name_or_uuid"),
        ("test", "test:///\0", InvalidParameter, "uri"),
        ("test", "no uri", InvalidParameter, "uri"),
        ("test", "qemu+unix:///system?socket=/nonexistent/socket", LibvirtError, "/nonexistent/socket"),
    ],
)
def test_open_names_what_is_wrong(
    uri: str, name: str, bad_uri: str | None, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        Guest.open(name, uri=bad_uri or uri)


def test_open_needs_no_libvirt_python_and_keeps_quiet(uri: str) -> None:
    code = f"""
import sys
sys.modules["libvirt"] = None
from libvirt_migrate import Guest, LibvirtError, MigrationFailed
guest = Guest.open("test", {uri!r})
assert guest.name == "test"
for call in (guest.job_info, lambda: guest.migrate({{}}, destination="test:///x", flags=31)):
    try:
        call()
    except LibvirtError as error:
        assert error.code and error.message
    else:
        raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
