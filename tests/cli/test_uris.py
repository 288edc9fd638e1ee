"""Hosts as a person writes them: URIs, aliases of libvirt.conf, and what is neither."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from libvirt_migrate.cli import uris
from libvirt_migrate.cli.errors import UserError

CONFIGURATION = """
# uri_aliases = [ "commented=qemu:///out" ]
uri_default = "qemu:///system"
uri_aliases = [
  "rack1-3=qemu+ssh://root@host3/system?no_tty=1",  # "behind=test:///a"
  'plain=test:///default',
  '''
  "no-uri", "also=", "bad name=test:///default", "plain=test:///second",
  '''
  \"\"\"long=qemu+tls://host4/system\"\"\"
]
other = [ "not=test:///one" ]
"""


def test_the_aliases_of_a_configuration() -> None:
    assert uris.read_aliases(CONFIGURATION) == {
        "rack1-3": "qemu+ssh://root@host3/system?no_tty=1",
        "plain": "test:///default",
        "long": "qemu+tls://host4/system",
    }
    for cut in range(len(CONFIGURATION)):
        assert "not" not in uris.read_aliases(CONFIGURATION[:cut])


@pytest.fixture
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libvirt").mkdir()
    (tmp_path / "libvirt" / "libvirt.conf").write_text(CONFIGURATION)
    monkeypatch.setattr(uris, "_configuration", lambda: tmp_path / "libvirt" / "libvirt.conf")


@pytest.mark.usefixtures("_configured")
def test_an_alias_stands_for_its_uri() -> None:
    assert uris.checked("long", "--to") == "qemu+tls://host4/system"
    assert uris.checked("qemu:///session", "--to") == "qemu:///session"


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host2", "write qemu+ssh://host2/system, qemu+tls://host2/system or qemu+tcp://host2/system"),
        ("192.0.2.2", "write qemu+ssh://192.0.2.2/system"),
        ("root:hunter2@host2", "--from: this is no URI"),
        ("root:hunter2@host2:22/system", "--from: this is no URI"),
        ("qemu+ssh://root:hunter2@host2:port/system", "--from: this is no URI"),
        ("qemu+ssh://host 2/system", "--from: 'qemu+ssh://host 2/system' is no URI"),
        ("", "--from: '' is no URI"),
        ("::1", "--from: '::1' is no URI"),
        ("wirt2ü", "--from: 'wirt2ü' is no URI"),
    ],
)
def test_what_is_no_uri_is_told_without_a_password(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        uris.checked(text, "--from")
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("user", "more", "path"),
    [
        (0, {"XDG_CONFIG_HOME": "/configured"}, "/etc/libvirt/libvirt.conf"),
        (1000, {"XDG_CONFIG_HOME": "/configured"}, "/configured/libvirt/libvirt.conf"),
        (1000, {"HOME": "/home/me"}, "/home/me/.config/libvirt/libvirt.conf"),
    ],
)
def test_a_user_has_a_configuration_of_their_own(
    monkeypatch: pytest.MonkeyPatch, user: int, more: dict[str, str], path: str
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert uris._configuration() == Path(path)
