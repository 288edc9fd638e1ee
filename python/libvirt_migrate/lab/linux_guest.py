"""The definition of a guest that has Linux in it."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from . import agent, linux
from .errors import LabError
from .guest import Workload
from .host import Host
from .network import GUESTS

#: Where the system is, on every host.
_FOLDER = "/var/lib/libvirt/linux"
#: The last bytes of guests' addresses on the lab's network.
_ADDRESSES = range(201, 254)
#: What makes the emulator quick, and its clock one that goes on at another host. With page tables of its own
#: (pti) the kernel forgets every address translation whenever it is entered and left. guest/guest.c says what
#: QEMU's emulator loses else: without this one move of eight or so ended in a panic, on a busy machine.
_CMDLINE = (
    "console=ttyS0 quiet mitigations=off pti=on tsc=reliable no_timer_check cryptomgr.notests apparmor=0"
    " net={address}/24"
)

_XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
    <kernel>{folder}/kernel</kernel>
    <initrd>{folder}/initrd</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <clock offset='utc'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
{devices}    <interface type='bridge'>
      <mac address='52:54:00:{mac}'/>
      <source bridge='{bridge}'/>
      <model type='virtio'/>
    </interface>
    {serial}
    <channel type='unix'>
      <target type='virtio' name='{port}'/>
    </channel>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <graphics type='vnc' autoport='yes' listen='{host}'>
      <listen type='address' address='{host}'/>
    </graphics>
    <video>
      <model type='vga' vram='1024'/>
    </video>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def choose_address(hosts: Sequence[Host]) -> str:
    """An address on the lab's network that no guest has."""
    taken = set()
    for host in hosts:
        for domain in host.connection().listAllDomains():
            taken.update(re.findall(r"\bnet=([0-9.]+)/", domain.XMLDesc()))
    network = hosts[0].address.rpartition(".")[0]
    for address in (f"{network}.{number}" for number in _ADDRESSES):
        if address not in taken:
            return address
    raise LabError("no address is left for another guest")


def install(hosts: Sequence[Host]) -> None:
    """Puts the system where the hosts find it; it is made if it has not been yet."""
    system = linux.make()
    for host in hosts:
        folder = host.folder / "lib" / Path(_FOLDER).name
        if (folder / system.folder.name).exists():
            continue
        folder.mkdir(exist_ok=True)
        for path in (system.kernel, system.initrd):
            # A guest that starts just now reads a whole one.
            draft = folder / f".{uuid.uuid4().hex}"
            shutil.copy(path, draft)
            draft.replace(folder / path.name)
        (folder / system.folder.name).touch()


def define(
    host: Host,
    address: str,
    name: str,
    memory: int,
    workload: Workload | None,
    serial: str,
    *,
    devices: str = "",
    machine: str = "pc",
) -> tuple[str, str]:
    """The uuid and definition of a guest for a host.

    `serial` is the XML of its serial line; without a workload a shell is there.
    """
    identity = uuid.uuid4()
    cmdline = _CMDLINE.format(address=address)
    if workload is not None:
        cmdline += f" beat={workload.working_set},{workload.rest}"
    xml = _XML.format(
        name=name,
        uuid=identity,
        memory=memory,
        machine=machine,
        folder=_FOLDER,
        cmdline=cmdline,
        devices=devices,
        # Of its own address: whoever knew another guest there would go on asking for that one's.
        mac=bytes(map(int, address.split(".")[1:])).hex(":"),
        bridge=GUESTS,
        serial=serial,
        port=agent.PORT,
        host=host.address,
    )
    return str(identity), xml


def start(hosts: Sequence[Host], host: Host, name: str, memory: int = 192, *, disk: bool = False) -> str:
    """Starts a guest that outlives this process, and waits for it; returns its address.

    A shell is on its serial line (`virsh console`), and with `disk` a disk of 64 MiB of the host's own.
    """
    import libvirt

    install(hosts)
    address = choose_address(hosts)
    devices = _disk(host, name) if disk else ""
    _, xml = define(host, address, name, memory, None, "<serial type='pty'/>", devices=devices)
    try:
        domain = host.connection().defineXML(xml)
        domain.create()
    except libvirt.libvirtError as error:
        raise LabError(f"{name} does not start: {error}") from error
    deadline = time.monotonic() + 120
    while True:
        try:
            agent.run(domain, host.pid, "true", timeout=5)
            return address
        except LabError:
            if time.monotonic() > deadline:
                raise


def _disk(host: Host, name: str) -> str:
    """Makes a disk's image at a host."""
    path = f"/var/lib/libvirt/images/{name}.qcow2"
    host.run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
    return (
        f"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{path}'/>"
        "<target dev='vda' bus='virtio'/></disk>"
    )
