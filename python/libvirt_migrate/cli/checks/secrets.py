"""The check of secrets that libvirt has to have at the destination."""

from __future__ import annotations

from collections.abc import Iterator

from ... import Host
from ..definition.secrets import Secret, secrets_of
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check

_NAME = "secrets"


def check_secrets(host: Host, definition: Definition) -> Iterator[Check]:
    """The destination's libvirt has each secret; its value is not looked at."""
    for secret in secrets_of(definition):
        yield _check(host, secret)


def _check(host: Host, secret: Secret) -> Check:
    found = ask(lambda: _has(host, secret))
    if isinstance(found, Unknown):
        reason = f"secret {secret}: {found.reason}; virsh secret-list there tells"
        return Check(_NAME, "not known", reason)
    if not found:
        reason = f"the destination has no secret {secret}: virsh secret-define and secret-set-value it there"
        return Check(_NAME, "fail", reason, True)
    return Check(_NAME, "pass", f"the destination has secret {secret}")


def _has(host: Host, secret: Secret) -> bool:
    if secret.uuid is not None:
        return host.has_secret(secret.uuid)
    return host.has_secret_for(secret.use, secret.usage)
