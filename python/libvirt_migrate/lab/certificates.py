"""A lab's certificates, made on the spot by GnuTLS's certtool and gone with the lab.

GnuTLS is what libvirt and QEMU read them with, and its tool is a small package of Debian, as the lab's other
programs are.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .tools import run

#: What a daemon of the lab reads its own from, in its host's /etc/libvirt, and what its QEMU does.
DAEMON, QEMU = "pki-daemon", "pki-qemu"

_AUTHORITY = "cn = {name}\nca\ncert_signing_key\n"
# QEMU wants both uses of the key, and either end of a connection shows a certificate.
_END = "cn = {name}\ntls_www_server\ntls_www_client\nsigning_key\nencryption_key\n"
#: From how many days ago to how many days from now.
_VALID, _EXPIRED = (-1, 30), (-30, -1)


@dataclass(frozen=True)
class Authority:
    """One that signs; its key and certificate are in the folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What others know it by."""
        return self.folder / "ca-cert.pem"

    def make(self, name: str) -> Authority:
        """Makes its key and certificate."""
        self.folder.mkdir(mode=0o700, parents=True)
        key = self.folder / "ca-key.pem"
        _certtool("--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", key)
        template = _template(self.folder, _AUTHORITY.format(name=name), _VALID)
        _certtool("--generate-self-signed", "--load-privkey", key, *template, "--outfile", self.certificate)
        return self

    def issue(
        self,
        certificate: Path,
        key: Path,
        names: Sequence[str],
        addresses: Sequence[str] = (),
        *,
        expired: bool = False,
    ) -> None:
        """Signs a certificate for host names and IP addresses."""
        lines = [f"dns_name = {name}\n" for name in names]
        lines += [f"ip_address = {address}\n" for address in addresses]
        subject = [*names, *addresses, "nobody"][0]
        text = _END.format(name=subject) + "".join(lines)
        template = _template(self.folder, text, _EXPIRED if expired else _VALID)
        signer = ("--load-ca-certificate", self.certificate, "--load-ca-privkey", self.folder / "ca-key.pem")
        shutil.copy(self.folder.parent / "key.pem", key)
        request = ("--load-privkey", key, *signer, *template)
        _certtool("--generate-certificate", *request, "--outfile", certificate)


def make(folder: Path, hosts: dict[str, str]) -> None:
    """Makes all of a lab's: two authorities, a client's, and those of the hosts (name to address).

    The second authority is known to nobody but the hosts that `certify` gives a certificate of it.
    """
    known = Authority(folder / "tls" / "known").make("lab")
    # RSA, since libvirt wants a key that can encrypt, and one for all of the lab, since making it takes long.
    _certtool(
        "--generate-privkey", "--key-type", "rsa", "--bits", "2048", "--outfile", folder / "tls" / "key.pem"
    )
    unknown = Authority(folder / "tls" / "unknown").make("unknown")
    for authority in (known, unknown):
        client = folder / "tls" / f"client-{authority.folder.name}"
        client.mkdir()
        shutil.copy(known.certificate, client / "cacert.pem")
        authority.issue(client / "clientcert.pem", client / "clientkey.pem", ["client"])
    for name, address in hosts.items():
        daemon, qemu = (folder / name / "etc" / place for place in (DAEMON, QEMU))
        daemon.mkdir(mode=0o700)
        known.issue(daemon / "cert.pem", daemon / "key.pem", [name], [address])
        qemu.mkdir(mode=0o700)
        known.issue(qemu / "client-cert.pem", qemu / "client-key.pem", [name], [address])
        certify(folder / name, [name], [address])


def certify(
    host: Path, names: Sequence[str], addresses: Sequence[str], *, expired: bool = False, known: bool = True
) -> None:
    """Gives QEMU on a host (its folder) the certificate that it shows to whoever migrates to there."""
    lab, qemu = host.parent / "tls", host / "etc" / QEMU
    ours, other = Authority(lab / "known"), Authority(lab / "unknown")
    trusted = [ours.certificate, *([] if known else [other.certificate])]
    (qemu / "ca-cert.pem").write_text("".join(path.read_text() for path in trusted))
    signer = ours if known else other
    signer.issue(qemu / "server-cert.pem", qemu / "server-key.pem", names, addresses, expired=expired)


def _template(folder: Path, text: str, days: tuple[int, int]) -> tuple[str, Path]:
    now = datetime.datetime.now(datetime.timezone.utc)
    first, last = (f"{now + datetime.timedelta(days=count):%Y-%m-%d %H:%M:%S}" for count in days)
    path = folder / "template"
    path.write_text(f'{text}activation_date = "{first} UTC"\nexpiration_date = "{last} UTC"\n')
    return "--template", path


def _certtool(*arguments: str | Path) -> None:
    run(["certtool", "--no-text", *map(str, arguments)])
