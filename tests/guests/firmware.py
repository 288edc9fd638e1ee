"""Firmware and its variables, and a TPM."""

from __future__ import annotations

from itertools import count

from libvirt_migrate.lab import Host
from plan.frame import replacing

from . import tpm
from .cell import cell
from .frame import Stage

THEME = "Firmware and TPM"
OVMF = (
    "<os><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
    "<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/>"
)
#: Of the vendor (Linux's own) whose variables the kernel lets be changed without more ado.
_VARIABLE = "/sys/firmware/efi/efivars/Lab-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0"


def keeps_variables(stage: Stage) -> None:
    """The guest finds the variable that it has set, and sets it anew."""
    numbers, kept = count(1), ""

    def check(host: Host) -> None:
        nonlocal kept
        stage.run(host, "mount | grep -q efivarfs || mount -t efivarfs none /sys/firmware/efi/efivars")
        if kept:
            assert stage.run(host, f"tail -c +5 {_VARIABLE}") == kept
        kept = f"value-{next(numbers)}"
        stage.run(host, f"printf '\\x07\\x00\\x00\\x00{kept}' > {_VARIABLE}")
        assert stage.run(host, f"tail -c +5 {_VARIABLE}") == kept

    stage.checks.append(check)


@cell(THEME, "OVMF, with a variable that the guest has set")
def ovmf(stage: Stage) -> None:
    stage.start(edit=replacing("<os>", OVMF), memory=256, machine="q35")
    keeps_variables(stage)


def opens_what_was_sealed(stage: Stage) -> None:
    """The guest opens what it has sealed at the beginning."""
    sealed: list[bytes] = []

    def check(host: Host) -> None:
        if not sealed:
            sealed.append(
                tpm.answers(stage.run(host, tpm.script(tpm.create_primary(), tpm.seal(b"swordfish"))))[1]
            )
        commands = (tpm.create_primary(), tpm.load(sealed[0]), tpm.unseal())
        *_, opened = tpm.answers(stage.run(host, tpm.script(*commands)))
        assert tpm.secret(opened) == b"swordfish"

    stage.checks.append(check)


@cell(THEME, "a TPM (TIS), with what the guest has sealed")
def tpm_tis(stage: Stage) -> None:
    stage.start("<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>")
    opens_what_was_sealed(stage)


@cell(THEME, "a TPM (CRB) whose state is encrypted with a secret of both hosts")
def tpm_crb_encrypted(stage: Stage) -> None:
    identity = "5c2d1d7e-1111-4222-8333-abcdefabc0de"
    xml = f"<secret ephemeral='no' private='yes'><uuid>{identity}</uuid></secret>"
    for host in stage.hosts:
        defined = host.connection().secretDefineXML(xml)
        defined.setValue(b"swordfish", 0)
        stage.clean.callback(defined.undefine)
    stage.start(
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'>"
        f"<encryption secret='{identity}'/></backend></tpm>",
        machine="q35",
    )
    opens_what_was_sealed(stage)


@cell(THEME, "OVMF and a TPM together")
def ovmf_and_tpm(stage: Stage) -> None:
    stage.start(
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
        edit=replacing("<os>", OVMF),
        memory=256,
        machine="q35",
    )
    keeps_variables(stage)
    opens_what_was_sealed(stage)
