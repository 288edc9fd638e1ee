"""A definition that is removed takes nothing else along."""

from __future__ import annotations

from conftest import StartGuest
from libvirt_migrate import Guest
from libvirt_migrate.lab import Host, Workload

TPM = "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm></devices>"


def test_the_state_of_an_emulated_tpm_stays(start_guest: StartGuest, source: Host, destination: Host) -> None:
    """On shared storage it is the state that the guest has where it runs."""
    guest = start_guest(memory=64, workload=Workload(working_set=4, rest=20), host=destination)
    left = source.connection().defineXML(
        guest.domain(destination).XMLDesc(2).replace("</devices>", TPM)  # VIR_DOMAIN_XML_INACTIVE
    )
    state = source.folder / "lib" / "swtpm" / guest.uuid / "tpm2" / "tpm2-00.permall"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"keys")
    outcome = Guest.open(guest.uuid, source.uri).recover(destination=destination.uri)
    assert [step.action for step in outcome.decisions] == ["undefine-source"]
    assert left.UUIDString() not in [domain.UUIDString() for domain in source.connection().listAllDomains()]
    assert state.read_bytes() == b"keys"
