"""What listens at the source's address, and ports that are taken."""

from __future__ import annotations

import re

from .frame import Stage, another, replacing, with_devices
from .made import interface
from .situation import situation

THEME = "What listens"


def at_source(stage: Stage, port: int = 4700) -> str:
    """The source of a character device that listens at the source's address."""
    return f"<source mode='bind' host='{stage.source.address}' service='{port}'/>"


@situation(THEME, "a channel at the source's address", "fail", "addresses", quick=True)
def channel(stage: Stage) -> None:
    stage.start(f"<channel type='tcp'>{at_source(stage)}<target type='virtio' name='a'/></channel>")


@situation(THEME, "a parallel port at the source's address", "fail", "addresses")
def parallel_port(stage: Stage) -> None:
    stage.start(f"<parallel type='tcp'>{at_source(stage)}</parallel>")


@situation(THEME, "a redirection of USB at the source's address", "fail", "addresses")
def redirection(stage: Stage) -> None:
    stage.start(f"<redirdev bus='usb' type='tcp'>{at_source(stage)}</redirdev>", edit=with_usb)


@situation(THEME, "a smartcard at the source's address", "fail", "addresses")
def smartcard(stage: Stage) -> None:
    device = f"<smartcard mode='passthrough' type='tcp'>{at_source(stage)}</smartcard>"
    stage.start(device, edit=with_usb)


@situation(THEME, "a random number generator's daemon at the source's address", "fail", "addresses")
def random_numbers(stage: Stage) -> None:
    stage.start(f"<rng model='virtio'><backend model='egd' type='tcp'>{at_source(stage)}</backend></rng>")


@situation(THEME, "a UDP serial port at the source's address", "fail", "addresses")
def udp_serial(stage: Stage) -> None:
    other = "<source mode='connect' host='127.0.0.1' service='9'/>"
    stage.start(edit=with_devices(f"<serial type='udp'>{at_source(stage)}{other}</serial>"))


@situation(THEME, "an interface that is a TCP server at the source's address", "fail", "addresses")
def server(stage: Stage) -> None:
    stage.start(interface("server", f"<source address='{stage.source.address}' port='4700'/>"))


@situation(THEME, "a TCP serial port that --set moves", "ready", unknown=("ports",))
def serial_moved(stage: Stage) -> None:
    stage.options += ["--set", "serial.address={host}"]
    stage.start(edit=with_devices(f"<serial type='tcp'>{at_source(stage)}</serial>"))


@situation(THEME, "a channel that only the definition that is kept has", "fail", "persistent-definition")
def channel_of_next_start(stage: Stage) -> None:
    stage.start()
    device = f"<channel type='tcp'>{at_source(stage)}<target type='virtio' name='a'/></channel>"
    stage.keep(with_devices(device))


@situation(THEME, "its display's fixed port is another guest's there", "fail", "ports", quick=True)
def port_taken(stage: Stage) -> None:
    stage.start(edit=with_port)
    neighbour(stage)


@situation(THEME, "its display's fixed port is free there", "ready", unknown=("ports",))
def port_free(stage: Stage) -> None:
    stage.start(edit=with_port)


@situation(THEME, "a guest there has the port that the source has chosen for its WebSocket", "ready")
def websocket_chosen(stage: Stage) -> None:
    stage.start(edit=replacing("autoport='yes'", "autoport='yes' websocket='-1'"))
    neighbour(stage)


@situation(THEME, "a guest there has the port that the source has chosen for its display", "ready")
def port_chosen(stage: Stage) -> None:
    stage.start()
    neighbour(stage)


@situation(THEME, "arguments of QEMU's own", "ready", unknown=("addresses",))
def arguments(stage: Stage) -> None:
    namespace = " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
    argument = "<qemu:commandline><qemu:arg value='-no-user-config'/></qemu:commandline></domain>"
    stage.start(
        edit=replacing("<domain type='qemu'>", f"<domain type='qemu'{namespace}", "</domain>", argument)
    )


def neighbour(stage: Stage) -> None:
    """Starts a guest with the same display at the destination."""
    here, there = f"'{stage.source.address}'", f"'{stage.destination.address}'"

    def edit(xml: str) -> str:
        # What it beats is not to be taken for the other one's.
        return re.sub(r"service='\d+'", "service='9'", another(xml)).replace(here, there)

    stage.define(stage.destination, edit).create()


def with_usb(xml: str) -> str:
    """A guest with USB."""
    return xml.replace("<controller type='usb' model='none'/>", "<controller type='usb' model='piix3-uhci'/>")


def with_port(xml: str) -> str:
    """A display whose port is fixed."""
    return replacing("autoport='yes'", "autoport='no' port='5977'")(xml)
