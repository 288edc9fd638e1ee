"""The check of a guest's firmware: OVMF and the like, and the file of its variables."""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from ... import Host
from ..definition.firmware import Firmware, firmware_of
from ..definition.summary import Definition
from .asking import Unknown, ask
from .check import Check
from .files import ask_file

_NAME = "firmware"


def check_firmware(host: Host, definition: Definition) -> Iterator[Check]:
    """The destination has the code, and the variables or what they are made of."""
    firmware = firmware_of(definition)
    if firmware.chosen is None and firmware.loader is None:
        return
    if firmware.loader is not None:
        yield _loader(host, firmware.loader)
    else:
        yield _chosen(host, definition, firmware.chosen or "")
    if firmware.is_elsewhere:
        yield Check(_NAME, "not known", "its variables are no file: does the destination reach them too?")
    elif firmware.nvram is not None:
        yield _variables(host, definition, firmware, firmware.nvram)


def _loader(host: Host, path: str) -> Check:
    found = ask_file(host, path)
    if isinstance(found, Unknown):
        return Check(_NAME, "not known", f"does the destination have {path}? {found.reason}")
    if not found:
        reason = f"{path} is not there: install the package that has it at the source, such as ovmf"
        return Check(_NAME, "fail", reason)
    return Check(_NAME, "pass", f"the destination has {path}")


def _chosen(host: Host, definition: Definition, wanted: str) -> Check:
    """Firmware that libvirt is to choose when the guest starts."""
    xml = ask(lambda: host.domain_capabilities(definition.hypervisor))
    if isinstance(xml, Unknown):
        return Check(_NAME, "not known", f"does the destination have {wanted} firmware? {xml.reason}")
    root = ElementTree.fromstring(xml)  # noqa: S314
    values = {value.text for value in root.iterfind("os/enum[@name='firmware']/value")}
    if wanted not in values:
        reason = f"the destination has no {wanted} firmware for this machine: install it (package ovmf)"
        return Check(_NAME, "fail", reason)
    return Check(_NAME, "pass", f"the destination has {wanted} firmware")


def _variables(host: Host, definition: Definition, firmware: Firmware, path: str) -> Check:
    """The file of the variables; where it is missing it is made of a template, in its folder."""
    found = ask_file(host, path)
    if isinstance(found, Unknown):
        return Check(_NAME, "not known", f"does the destination have {path}? {found.reason}")
    if found:
        return Check(_NAME, "pass", f"the destination has {path}")
    folder = ask_file(host, posixpath.dirname(path))
    if folder is False:
        reason = f"{path} is not there, nor is its folder, in which it would be made"
        return Check(_NAME, "fail", reason)
    if firmware.template is None:
        return _default_template(host, definition, firmware, path)
    template = ask_file(host, firmware.template)
    if isinstance(folder, Unknown) or isinstance(template, Unknown):
        return Check(_NAME, "not known", f"{path} is not there: can it be made of {firmware.template}?")
    if not template:
        reason = f"neither {path} is there nor {firmware.template}, of which it would be made"
        return Check(_NAME, "fail", reason)
    return Check(_NAME, "pass", f"{path} is made of {firmware.template}")


def _default_template(host: Host, definition: Definition, firmware: Firmware, path: str) -> Check:
    """libvirt knows templates for the code that it lists."""
    xml = ask(lambda: host.domain_capabilities(definition.hypervisor))
    listed: set[str | None] = set()
    if not isinstance(xml, Unknown):
        root = ElementTree.fromstring(xml)  # noqa: S314
        listed = {value.text for value in root.iterfind("os/loader/value")}
    if firmware.loader in listed:
        return Check(_NAME, "pass", f"{path} is made of the template of {firmware.loader}")
    reason = f"{path} is not there, and of what the destination would make it is not known: copy it there"
    return Check(_NAME, "not known", reason)
