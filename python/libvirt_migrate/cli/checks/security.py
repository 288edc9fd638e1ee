"""The check of security models: libvirt refuses a guest whose labels no driver of its host makes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from ... import Host
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check

_NAME = "security"


def check_security(host: Host, definition: Definition) -> Iterator[Check]:
    """The destination has the security drivers of the guest's labels."""
    labels = [*definition.root.iter("seclabel")]
    models = [model for label in labels if (model := label.get("model")) not in (None, "none")]
    if not models:
        return
    capabilities = ask(host.capabilities)
    if isinstance(capabilities, Unknown):
        yield Check(_NAME, "not known", capabilities.reason)
        return
    root = ElementTree.fromstring(capabilities)  # noqa: S314
    there = {model.text for model in root.iterfind("host/secmodel/model")}
    missing = [model for model in dict.fromkeys(models) if model not in there]
    if missing:
        reason = f"the guest has labels of {', '.join(map(str, missing))}, which the destination does not run"
        yield Check(_NAME, "fail", reason)
        return
    names = ", ".join(dict.fromkeys(map(str, models)))
    yield Check(_NAME, "pass", f"the destination runs {names}")
