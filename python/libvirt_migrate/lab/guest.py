"""A real guest in the lab."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import agent
from .beats import Beats
from .daemon import KERNEL
from .errors import LabError

if TYPE_CHECKING:
    from .host import Host

#: No more than the lab needs, and one thing that depends on the host: where its display listens.
_XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
    <kernel>{kernel}</kernel>
    <cmdline>{cmdline}</cmdline>
  </os>
  <clock offset='utc'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
{devices}    {serial}
    <graphics type='vnc' autoport='yes' listen='{address}'>
      <listen type='address' address='{address}'/>
    </graphics>
    <video>
      <model type='vga' vram='1024'/>
    </video>
    <memballoon model='none'/>
  </devices>
</domain>
"""


@dataclass(frozen=True)
class Workload:
    """What a guest does with its memory."""

    #: Memory that it writes to over and over, MiB.
    working_set: int = 16
    #: How long it rests after each time through it, ms; 0 is full speed.
    rest: int = 0
    #: It leaves the processor alone while it rests.
    idle: bool = False
    #: The time through it in which it forgets one page, on purpose; 0 is never.
    skip: int = 0
    #: It writes to its first IDE disk, of 64 KiB at least, and reads again what it wrote.
    disk: bool = False
    #: Memory that it fills before it begins, the working set first, MiB; the rest stays zero.
    fill: int = 0
    #: With what: numbers that do not compress, or text that compresses to about a third.
    text: bool = False

    def cmdline(self) -> str:
        """The kernel's command line."""
        more = (" idle=1" if self.idle else "") + (" disk=1" if self.disk else "")
        fill = f" fill={self.fill} text={int(self.text)}" if self.fill else ""
        return f"ws={self.working_set} rest={self.rest} skip={self.skip}{more}{fill}"


@dataclass
class LabGuest:
    """A guest that runs, and what is heard of it."""

    name: str
    uuid: str
    beats: Beats
    #: The definition that it was started with.
    xml: str = field(repr=False)
    #: Its address on the lab's network; empty where it is no Linux guest.
    address: str = ""

    def domain(self, host: Host) -> Any:
        """The guest at a host, as a libvirt-python domain."""
        return host.connection().lookupByUUIDString(self.uuid)

    def xml_for(self, source: Host, destination: Host, xml: str) -> str:
        """A definition `xml` of the guest at `source`, with the addresses that it needs at `destination`."""
        return xml.replace(f"'{source.address}'", f"'{destination.address}'")

    def run(self, host: Host, script: str, *, timeout: float = 60) -> str:
        """Has a Linux guest, which runs at `host`, run a script for its shell; returns what it wrote.

        LabError: the script failed, or the guest did not answer within `timeout` seconds.
        """
        code, said = agent.run(self.domain(host), host.pid, script, timeout)
        if code:
            raise LabError(f"the guest's script ended with {code}: {said.strip()}")
        return said


def serial(collector: str, port: int) -> str:
    """The serial line of a guest that beats."""
    source = f"<source mode='connect' host='{collector}' service='{port}'/>"
    return f"<serial type='udp'>{source}</serial>"


def define(
    host: Host,
    collector: str,
    port: int,
    name: str,
    memory: int,
    workload: Workload,
    devices: str = "",
    machine: str = "pc",
) -> tuple[str, str]:
    """The uuid and definition of a guest for a host."""
    identity = str(uuid.uuid4())
    xml = _XML.format(
        name=name,
        uuid=identity,
        memory=memory,
        machine=machine,
        kernel=KERNEL,
        cmdline=workload.cmdline(),
        devices=devices,
        serial=serial(collector, port),
        address=host.address,
    )
    return identity, xml
