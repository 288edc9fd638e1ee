"""The lab's network: a bridge in a namespace of its own, two cables to each host and one to this machine.

One of a host's cables has its address; the other one ends in a bridge of the host's, for guests: as far as
they can tell, all of them, the hosts and this machine are on one network.
"""

from __future__ import annotations

from .errors import LabError
from .state import HostState, LabState, prefix
from .tools import run

#: The bridge at each host for the interfaces of guests.
GUESTS = "guests"


def choose_subnet() -> int:
    """The third byte of a network 10.213.N.0/24 that nothing on this machine uses."""
    taken = run(["ip", "-4", "-oneline", "address"]) + run(["ip", "-4", "route"])
    for subnet in range(1, 255):
        if prefix(subnet) not in taken:
            return subnet
    raise LabError("all of the networks 10.213.1.0/24 to 10.213.254.0/24 are in use")


def inside(pid: int) -> list[str]:
    """What to put before a command that is to run in the network of a process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]


def cable_name(subnet: int) -> str:
    """This machine's end of its cable."""
    return f"lmlab{subnet}"


def connect(switch: int, state: LabState) -> None:
    """Builds the network. `switch` is the process that holds the bridge's namespace."""
    bridge = [*inside(switch), "ip", "link"]
    run([*bridge, "add", "bridge", "type", "bridge"])
    run([*bridge, "set", "bridge", "up"])
    for host in state.hosts:
        run([
            *("ip", "link", "add", host.name, "netns", str(switch), "type", "veth"),
            *("peer", "name", "eth0", "netns", str(host.pid)),
        ])  # fmt: skip
        run([*bridge, "set", host.name, "master", "bridge", "up"])
        there = [*inside(host.pid), "ip"]
        run([*there, "link", "set", "lo", "up"])
        run([*there, "address", "add", f"{host.address}/24", "dev", "eth0"])
        run([*there, "link", "set", "eth0", "up"])
        _connect_guests(switch, host)
    cable = cable_name(state.subnet)
    run(["ip", "link", "add", cable, "type", "veth", "peer", "name", "uplink", "netns", str(switch)])
    run([*bridge, "set", "uplink", "master", "bridge", "up"])
    run(["ip", "address", "add", f"{state.address}/24", "dev", cable])
    run(["ip", "link", "set", cable, "up"])


def _connect_guests(switch: int, host: HostState) -> None:
    """The host's bridge for guests, and its cable."""
    there, end = [*inside(host.pid), "ip", "link"], f"{host.name}g"
    run([
        *("ip", "link", "add", end, "netns", str(switch), "type", "veth"),
        *("peer", "name", "eth1", "netns", str(host.pid)),
    ])  # fmt: skip
    run([*inside(switch), "ip", "link", "set", end, "master", "bridge", "up"])
    run([*there, "add", GUESTS, "type", "bridge"])
    run([*there, "set", "eth1", "master", GUESTS, "up"])
    run([*there, "set", GUESTS, "up"])
