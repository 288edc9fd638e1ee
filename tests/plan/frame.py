"""What a situation is set up on: two hosts of the lab, a guest of its own, and the command's options.

Whatever a situation changes is put right by `Stage.close`: what is not removed with the guest goes into
`Stage.clean`. The hosts are shared by all situations.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import libvirt

from helpers.commands import LISTEN
from libvirt_migrate.lab import Host, Lab, LabGuest, Workload
from libvirt_migrate.lab.beats import Beats
from libvirt_migrate.lab.guest import define

#: Little, so that a situation takes seconds.
_WORK = Workload(working_set=2, rest=20)
_EVERYTHING = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Stage:
    """The two hosts, and what a situation makes of them."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.source: Host = lab.hosts[0]
        self.destination: Host = lab.hosts[1]
        self.name = name
        self.guest: LabGuest | None = None
        #: The options of `plan` and `migrate` beside GUEST, DEST_URI and --from.
        self.options: list[str] = list(LISTEN)
        #: Where to.
        self.to = self.destination.uri
        #: Whether --from names the source; else the command has libvirt's default.
        self.names_source = True
        #: What the command has in its environment besides.
        self.environment: dict[str, str] = {}
        #: The harm of a migration that was forced and has moved the guest, where it is another one than a
        #: next start that fails: returns it in words, or raises AssertionError where there is none.
        self.harm: Callable[[], str] | None = None
        #: What is to be undone, last first.
        self.clean = ExitStack()

    def start(
        self,
        devices: str = "",
        *,
        memory: int = 64,
        machine: str = "pc",
        edit: Callable[[str], str] = lambda xml: xml,
        transient: bool = False,
        wait: bool = True,
    ) -> Any:
        """Starts the guest at the source; returns it as a libvirt-python domain.

        `devices` is XML to put among its devices, `edit` changes the definition before libvirt gets it.
        """
        beats = Beats(f"{self.source.address.rpartition('.')[0]}.254")
        self.clean.callback(beats.close)
        collector = (f"{self.source.address.rpartition('.')[0]}.254", beats.port)
        identity, xml = define(
            self.source, *collector, self.name, memory, _WORK, devices=devices, machine=machine
        )
        xml = edit(xml)
        self.guest = LabGuest(self.name, identity, beats, xml)
        self.clean.callback(self._remove, identity)
        connection = self.source.connection()
        if transient:
            domain = connection.createXML(xml)
        else:
            domain = connection.defineXML(xml)
            domain.create()
        if wait:
            beats.wait_for_passes()
        return domain

    def image(self, host: Host, name: str, size: str = "1M", *, kind: str = "raw") -> str:
        """A disk image at a host, in a folder that the hosts do not share; returns its path."""
        path = f"/var/lib/libvirt/images/{self.name}-{name}"
        host.run("install", "-d", "/var/lib/libvirt/images")
        host.run("qemu-img", "create", "-q", "-f", kind, path, size)
        self.clean.callback(host.run, "rm", "-f", path)
        return path

    def keep(self, edit: Callable[[str], str]) -> None:
        """Changes the guest's persistent definition at the source, and that only."""
        domain = self.domain(self.source)
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
        self.source.connection().defineXML(edit(xml))

    def define(self, host: Host, edit: Callable[[str], str]) -> Any:
        """Defines another guest at a host, made of this one's definition; it is removed at the end."""
        assert self.guest is not None
        domain = host.connection().defineXML(edit(self.guest.xml))
        self.clean.callback(self._remove, domain.UUIDString())
        return domain

    def domain(self, host: Host) -> Any:
        """The guest at a host."""
        assert self.guest is not None
        return self.guest.domain(host)

    def words(self, command: str, *more: str) -> list[str]:
        """The words of the command for this situation."""
        assert self.guest is not None
        source = ["--from", self.source.uri] if self.names_source else []
        return [command, self.guest.uuid, self.to, *source, *self.options, *more]

    def close(self) -> None:
        """Puts everything right."""
        self.clean.close()

    def _remove(self, uuid: str) -> None:
        """Ends a guest at both hosts, with all that libvirt keeps of it."""
        for host in (self.source, self.destination):
            domains = host.connection().listAllDomains()
            for domain in domains:
                if domain.UUIDString() != uuid:
                    continue
                with contextlib.suppress(libvirt.libvirtError):
                    domain.destroy()
                with contextlib.suppress(libvirt.libvirtError):
                    domain.undefineFlags(_EVERYTHING)


def replacing(*pairs: str) -> Callable[[str], str]:
    """An edit that puts each second text in place of the one before it, which must be there."""

    def edit(xml: str) -> str:
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in xml, old
            xml = xml.replace(old, new)
        return xml

    return edit


def with_devices(devices: str) -> Callable[[str], str]:
    """An edit that adds devices."""
    return replacing("</devices>", f"{devices}</devices>")


def another(xml: str) -> str:
    """An edit that makes another guest of a definition: libvirt gives it a uuid."""
    return re.sub(r"<uuid>.*?</uuid>", "", xml).replace("<name>", "<name>other-")
