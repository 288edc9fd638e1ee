"""What shows a guest's screen."""

from __future__ import annotations

import re
import socket
import struct

import libvirt

from libvirt_migrate.lab import Host
from plan.frame import replacing

from .cell import cell
from .frame import Stage

THEME = "Displays"
_AUTO = "type='vnc' autoport='yes'"
VNC_PASSWORD = (_AUTO, f"{_AUTO} passwd='secret'")


def keeps_password(stage: Stage, host: Host) -> int:
    """Both definitions have the password; returns the display's port."""
    domain = stage.domain(host)
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE | flags)
        assert "passwd='secret'" in xml
    found = re.search(r"<graphics type='\w+' port='(\d+)'", domain.XMLDesc())
    assert found is not None
    return int(found[1])


def _vnc_wants_password(host: Host, port: int) -> bool:
    """Whether a display offers only authentication by password (RFC 6143: security type 2)."""
    with socket.create_connection((host.address, port), timeout=10) as line:
        line.settimeout(10)
        version = line.recv(12)
        line.sendall(version)
        kinds = line.recv(16)
    return kinds[1:] == b"\x02"


@cell(THEME, "VNC with a password", quick=True)
def vnc_password(stage: Stage) -> None:
    stage.start(edit=replacing(*VNC_PASSWORD))
    wants_password(stage)


def wants_password(stage: Stage) -> None:
    """Its VNC display takes nobody without the password."""
    stage.checks.append(lambda host: _is_true(_vnc_wants_password(host, keeps_password(stage, host))))


def _is_true(value: bool) -> None:
    assert value


def _spice_says(host: Host, port: int) -> int:
    """The display's word to a client whose ticket is wrong: 0 where none is asked for, 7 where it is refused.

    By SPICE's protocol (spice.freedesktop.org): a link's head and message there, its head, reply and result
    back.
    """
    # Nobody's session, the main channel (type 1, number 0), and no capabilities.
    message = struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
    with socket.create_connection((host.address, port), timeout=10) as line:
        line.settimeout(10)
        line.sendall(struct.pack("<4sIII", b"REDQ", 2, 2, len(message)) + message)
        magic, _, _, length = struct.unpack("<4sIII", _read(line, 16))
        assert magic == b"REDQ"
        (error,) = struct.unpack_from("<I", _read(line, length))
        assert error == 0
        line.sendall(bytes(128))
        (result,) = struct.unpack("<I", _read(line, 4))
    return int(result)


def _read(line: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length:
        more = line.recv(length - len(heard))
        assert more, "it hangs up"
        heard += more
    return heard


@cell(THEME, "SPICE with a password, and a QXL card")
def spice_password(stage: Stage) -> None:
    stage.start(
        edit=replacing(
            _AUTO,
            "type='spice' autoport='yes' passwd='secret'",
            "<model type='vga' vram='1024'/>",
            "<model type='qxl' ram='16384' vram='8192' vgamem='8192'/>",
        )
    )
    stage.checks.append(lambda host: _is_true(_spice_says(host, keeps_password(stage, host)) == 7))
