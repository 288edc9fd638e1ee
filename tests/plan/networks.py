"""What a guest's interfaces are connected to."""

from __future__ import annotations

from .frame import Stage, replacing, with_devices
from .made import bridge, interface, link, network
from .situation import situation

THEME = "Networks of the destination"
ON_NETWORK = interface("network", "<source network='lan'/>")
ON_BRIDGE = interface("bridge", "<source bridge='br7'/>")


def at_source(stage: Stage, *, network_too: bool = True) -> None:
    """A bridge at the source, and a network on it."""
    bridge(stage, stage.source, "br7")
    if network_too:
        network(stage, stage.source, "lan", "br7")


@situation(THEME, "its virtual network is not defined there", "fatal", "network", quick=True)
def network_undefined(stage: Stage) -> None:
    at_source(stage)
    stage.start(ON_NETWORK)


@situation(THEME, "its virtual network is not active there", "fatal", "network")
def network_inactive(stage: Stage) -> None:
    at_source(stage)
    network(stage, stage.destination, "lan", "br7", active=False)
    stage.start(ON_NETWORK)


@situation(THEME, "its virtual network is active there, on a bridge that is missing", "fail", "network")
def network_without_bridge(stage: Stage) -> None:
    at_source(stage)
    network(stage, stage.destination, "lan", "br7")
    stage.start(ON_NETWORK)


@situation(THEME, "its virtual network is active at both", "ready")
def network_at_both(stage: Stage) -> None:
    at_source(stage)
    bridge(stage, stage.destination, "br8")
    network(stage, stage.destination, "lan", "br8")
    stage.start(ON_NETWORK)


@situation(THEME, "its bridge is missing there", "fail", "network", quick=True)
def bridge_missing(stage: Stage) -> None:
    at_source(stage, network_too=False)
    stage.start(ON_BRIDGE)


@situation(THEME, "what has its bridge's name there is no bridge", "fail", "network")
def no_bridge(stage: Stage) -> None:
    at_source(stage, network_too=False)
    link(stage, stage.destination, "br7", "type", "veth", "peer", "name", "br8")
    stage.start(ON_BRIDGE)


@situation(THEME, "its bridge is there, and made after the daemon was started", "ready")
def bridge_at_both(stage: Stage) -> None:
    at_source(stage, network_too=False)
    bridge(stage, stage.destination, "br7")
    stage.start(ON_BRIDGE)


@situation(THEME, "the device that its macvtap is on is missing there", "fail", "network")
def macvtap(stage: Stage) -> None:
    link(stage, stage.source, "eth7", "type", "veth", "peer", "name", "eth8")
    stage.start(interface("direct", "<source dev='eth7' mode='bridge'/>"))


@situation(THEME, "a tap device that others have to make is missing there", "fail", "network")
def tap(stage: Stage) -> None:
    stage.source.run("ip", "tuntap", "add", "tap7", "mode", "tap")
    stage.clean.callback(stage.source.run, "ip", "link", "delete", "tap7")
    stage.start(interface("ethernet", "<target dev='tap7' managed='no'/>"))


@situation(THEME, "its network filter is not defined there", "fatal", "network")
def filter_missing(stage: Stage) -> None:
    at_source(stage, network_too=False)
    bridge(stage, stage.destination, "br7")
    defined = stage.source.connection().nwfilterDefineXML("<filter name='lets-all' chain='root'/>")
    stage.clean.callback(defined.undefine)
    stage.start(interface("bridge", "<source bridge='br7'/>", "<filterref filter='lets-all'/>"))


@situation(THEME, "its display listens at a network whose bridge is missing there", "fail", "network")
def listening_at_network(stage: Stage) -> None:
    bridge(stage, stage.source, "br7", "10.213.253.1/24")
    network(stage, stage.source, "lan", "br7")
    network(stage, stage.destination, "lan", "br7", active=False)
    address = f"address='{stage.source.address}'"
    stage.start(
        edit=replacing(
            f" listen='{stage.source.address}'",
            "",
            f"type='address' {address}",
            "type='network' network='lan'",
        )
    )


@situation(
    THEME,
    "only the definition that is kept has a network that is missing there",
    "fail",
    "persistent-definition",
)
def network_of_next_start(stage: Stage) -> None:
    at_source(stage)
    stage.start()
    stage.keep(with_devices(ON_NETWORK))
