"""The Debian mirror that this machine's own apt uses, and its proxy."""

from __future__ import annotations

import os

from . import tools
from .errors import LabError

#: Its variable is for machines whose apt has no Debian in it.
VARIABLE = "LIBVIRT_MIGRATE_MIRROR"

_FORMAT = "$(CREATED_BY) $(ORIGIN) $(LABEL) $(REPO_URI)"


def find() -> str:
    """The mirror: what the variable says, or the first of apt's that has Debian itself."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    if tools.find("apt-get") is None:
        raise LabError(f"no apt-get to ask for a Debian mirror: name one in {VARIABLE}")
    return choose(tools.run(["apt-get", "indextargets", "--format", _FORMAT]))


def choose(targets: str) -> str:
    """The mirror among apt's targets, one a line."""
    for line in targets.splitlines():
        # Of a release of Debian itself. Security and other updates are elsewhere, or of a part only.
        if line.startswith("Packages Debian Debian "):
            uri = line.split(" ", 3)[3]
            # The others are apt's own ways, which debootstrap does not know.
            if uri.partition(":")[0] in ("http", "https", "file"):
                return uri
    raise LabError(f"apt knows no Debian mirror: run apt-get update, or name one in {VARIABLE}")


def proxies() -> dict[str, str]:
    """Variables of the environment with the proxy that apt or this process goes through."""
    kept = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    if "http_proxy" not in found and tools.find("apt-config"):
        proxy = tools.run(["apt-config", "shell", "http_proxy", "Acquire::http::Proxy"]).strip()
        if proxy:
            found["http_proxy"] = proxy.partition("=")[2].strip("'\"")
    return found
