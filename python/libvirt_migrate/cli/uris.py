"""URIs of libvirt's daemons as a person writes them: checked, and by the aliases of libvirt.conf."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from .errors import UserError, one_line

#: A comment, a string of each kind, a word, or a sign, as libvirt's own reader takes them.
_TOKEN = re.compile(
    r"""\#[^\n]* | \"{3}(?P<long>.*?)\"{3} | "(?P<double>[^"\n]*)" | '(?P<single>[^'\n]*)' | \w+ | [=\[\]]""",
    re.DOTALL | re.VERBOSE,
)
#: The names that libvirt takes for aliases.
_ALIAS = re.compile(r"[\w.-]+", re.ASCII)


def checked(text: str, option: str) -> str:
    """The URI that this stands for. Raises UserError, which names the option.

    An alias is resolved here and not by libvirt: what is sent to the source's daemon must be the URI itself.
    """
    if _ALIAS.fullmatch(text):
        found = aliases().get(text)
        if found is None:
            raise UserError(
                f"{option}: {text!r} is no URI of a libvirt daemon and no uri_alias of libvirt.conf: write "
                f"qemu+ssh://{text}/system, qemu+tls://{text}/system or qemu+tcp://{text}/system"
            )
        text = found
    _check(text, option)
    return text


def _check(uri: str, option: str) -> None:
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - raises for a wrong one
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or "://" not in uri or re.search(r"\s", uri):
        # One that lacks its scheme may have a password all the same.
        shown = "this" if "@" in uri else repr(one_line(uri))
        raise UserError(
            f"{option}: {shown} is no URI of a libvirt daemon: "
            "write qemu+ssh://HOST/system, qemu+tls://HOST/system or qemu+tcp://HOST/system"
        )


def host_of(uri: str | None) -> str | None:
    """The host in a URI, if there is one."""
    try:
        return urlsplit(uri or "").hostname
    except ValueError:
        return None


def aliases() -> dict[str, str]:
    """`uri_aliases` of libvirt's configuration; empty where there is none that can be read."""
    try:
        return read_aliases(_configuration().read_text())
    except (OSError, UnicodeDecodeError):
        return {}


def _configuration() -> Path:
    """libvirt.conf of this user, where libvirt looks for it."""
    if os.geteuid() == 0:
        return Path("/etc/libvirt/libvirt.conf")
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home, "libvirt", "libvirt.conf")


def read_aliases(text: str) -> dict[str, str]:
    """The aliases in the text of a libvirt.conf. What is not as it should be is left out."""
    found: dict[str, str] = {}
    before, inside = ["", ""], False
    for token in _TOKEN.finditer(text):
        if token[0].startswith("#"):
            continue
        value = token["long"] or token["double"] or token["single"]
        if value is None:
            inside = token[0] == "[" and before == ["uri_aliases", "="]
        elif inside:
            name, equals, uri = value.partition("=")
            if equals and _ALIAS.fullmatch(name) and uri:
                found.setdefault(name, uri)
        before = [before[1], token[0]]
    return found
