"""Migrations by TLS between real hosts: with the right certificate, and with each wrong one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from libvirt_migrate import Guest, Host, LibvirtError, MigrateFlags, MigrationFailed, build_migrate_params
from libvirt_migrate.lab import Host as LabHost
from libvirt_migrate.lab import Lab, LabError, LabGuest, Workload

FLAGS = MigrateFlags.LIVE | MigrateFlags.PEER2PEER | MigrateFlags.PERSIST_DEST | MigrateFlags.UNDEFINE_SOURCE
#: What is said where the destination's end is told before the source's reason.
ENDED = "its QEMU refuses the destination's certificate"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts with certificates, in the place of those that other tests share."""
    if os.geteuid() != 0:
        pytest.skip("the lab makes network namespaces, which takes root")
    with Lab(f"pytest-tls-{os.getpid()}", tls=True) as made:
        yield made


@pytest.fixture(scope="module")
def guest(lab: Lab) -> LabGuest:
    """At the first host, whenever a test begins."""
    return lab.start_guest("tls", memory=64, workload=Workload(working_set=8))


@pytest.fixture(autouse=True)
def right_certificate(destination: LabHost) -> None:
    destination.certify()


def migrate(
    guest: LabGuest, source: LabHost, destination: LabHost, uri: str | None = None, **more: Any
) -> None:
    xml = guest.xml_for(source, destination, guest.domain(source).XMLDesc(8))
    params = build_migrate_params(
        xml, destination=uri or destination.uri, flags=FLAGS | MigrateFlags.TLS, **more
    )
    Guest.open(guest.uuid, source.uri).migrate(params)


def assert_runs_at(guest: LabGuest, host: LabHost, elsewhere: LabHost) -> None:
    guest.beats.wait_for_passes(2)
    assert guest.beats.is_intact()
    assert Host.open(elsewhere.uri).guest(guest.uuid) is None
    assert Guest.open(guest.uuid, host.uri).state.name == "running"


def test_the_right_certificate(guest: LabGuest, source: LabHost, destination: LabHost) -> None:
    migrate(guest, source, destination)
    assert_runs_at(guest, destination, source)
    # Back, with the daemons talking by TLS too.
    assert source.tls_uri.startswith("qemu+tls://")
    migrate(guest, destination, source, source.tls_uri)
    assert_runs_at(guest, source, destination)


@pytest.mark.parametrize(
    ("certificate", "reason", "told"),
    [
        # The destination's own QEMU refuses to begin with it.
        ({"expired": True}, "server-cert.pem has expired", "server-cert.pem has expired"),
        ({"addresses": ["192.0.2.99"]}, "Certificate does not match the hostname {address}", ENDED),
        ({"known": False}, "The certificate hasn't got a known issuer", ENDED),
    ],
    ids=["expired", "wrong-name", "unknown-authority"],
)
def test_a_wrong_certificate_is_refused_with_the_reason(
    guest: LabGuest,
    source: LabHost,
    destination: LabHost,
    certificate: dict[str, Any],
    reason: str,
    told: str,
) -> None:
    destination.certify(**certificate)
    reason = reason.format(address=destination.address)
    before = source.log().count(reason)
    with pytest.raises(MigrationFailed) as caught:
        migrate(guest, source, destination)
    assert caught.value.guest_location == "source-running"
    # libvirt tells the one or the other, whichever of its ends was quicker.
    assert reason in str(caught.value) or told in str(caught.value)
    # In any case it was the certificate.
    assert source.log().count(reason) > before
    assert_runs_at(guest, source, destination)


def test_tls_destination_is_the_name_that_counts(
    guest: LabGuest, source: LabHost, destination: LabHost
) -> None:
    destination.certify(names=["host2.example.org"], addresses=[])
    with pytest.raises(MigrationFailed):
        migrate(guest, source, destination, tls_destination="host3.example.org")
    assert "does not match the hostname host3.example.org" in source.log()
    assert_runs_at(guest, source, destination)
    migrate(guest, source, destination, tls_destination="host2.example.org")
    assert_runs_at(guest, destination, source)
    migrate(guest, destination, source)


def test_the_daemon_takes_no_client_of_an_unknown_authority(destination: LabHost) -> None:
    assert Host.open(destination.tls_uri).hostname == destination.name
    unknown = destination.tls_uri_with("client-unknown")
    with pytest.raises(LibvirtError, match="hasn't got a known issuer"):
        Host.open(unknown)
    # A client that does not look at its own certificate is refused by the daemon, which logs why.
    with pytest.raises(LibvirtError):
        Host.open(f"{unknown}&no_sanity=1")
    assert "Failed to verify peer's certificate" in destination.log()


def test_keys_are_for_root_only(lab: Lab, destination: LabHost) -> None:
    folder = destination.folder.parent
    keys = [*folder.rglob("*key*.pem")]
    assert len(keys) >= 9
    for key in keys:
        shared = stat.S_IRWXG | stat.S_IRWXO
        closed = [path for path in (key, *key.parents) if path.stat().st_mode & shared == 0]
        assert closed, key


def test_a_lab_without_certificates_says_so(lab: Lab) -> None:
    plain = LabHost(lab._state.hosts[0], lab.hosts[0].folder / "etc")  # type: ignore[union-attr]
    with pytest.raises(LabError, match="tls=True"):
        plain.certify()
    with pytest.raises(LabError, match="tls=True"):
        _ = plain.tls_uri
