"""Interfaces on the network that spans the hosts. Each cell has one and its TCP session; these have more."""

from __future__ import annotations

import libvirt

from libvirt_migrate.lab import Host
from plan.frame import replacing, with_devices

from .cell import cell
from .frame import LIVE, Stage

THEME = "Interfaces"
NIC = (
    "<interface type='bridge'><mac address='52:54:00:aa:bb:cc'/><source bridge='guests'/>"
    "<model type='virtio'/></interface>"
)
_NAME = "grep -l 52:54:00:aa:bb:cc /sys/class/net/*/address | cut -d / -f 5"


def reaches(stage: Stage) -> None:
    """The second interface sends and receives: it asks who has a host's address."""

    def check(host: Host) -> None:
        nic = stage.run(host, _NAME)
        assert nic != ""
        stage.run(
            host, f"ip link set {nic} up; arping -q -c 1 -w 10 -I {nic} -D {host.address} && exit 1; true"
        )

    stage.checks.append(check)


@cell(THEME, "virtio, one")
def plain(stage: Stage) -> None:
    stage.start()


@cell(THEME, "virtio with two queues and two processors")
def multiqueue(stage: Stage) -> None:
    stage.start(
        edit=replacing(
            "<vcpu>1</vcpu>",
            "<vcpu>2</vcpu>",
            "<model type='virtio'/>\n    </interface>",
            "<model type='virtio'/><driver name='qemu' queues='2'/></interface>",
        )
    )

    def check(host: Host) -> None:
        assert stage.run(host, "ls -d /sys/class/net/eth0/queues/rx-* | wc -l") == "2"

    stage.checks.append(check)


@cell(THEME, "an interface that was plugged in while it ran")
def plugged_interface(stage: Stage) -> None:
    domain = stage.start()
    domain.attachDeviceFlags(NIC, LIVE)
    stage.run(stage.source, f'for i in $(seq 50); do [ "$({_NAME})" ] && exit 0; sleep 0.2; done; exit 1')
    reaches(stage)

    def not_kept(host: Host) -> None:
        assert "52:54:00:aa:bb:cc" in stage.domain(host).XMLDesc()
        assert "52:54:00:aa:bb:cc" not in stage.domain(host).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)

    stage.checks.append(not_kept)

    def gone(host: Host) -> None:
        assert stage.run(host, _NAME) == ""

    stage.checks_restarted = [gone]


@cell(THEME, "an interface that was pulled out while it ran")
def pulled_interface(stage: Stage) -> None:
    # Behind the one that has the address.
    domain = stage.start(edit=with_devices(NIC))
    domain.detachDeviceFlags(NIC, LIVE)
    stage.run(stage.source, f'for i in $(seq 50); do [ "$({_NAME})" ] || exit 0; sleep 0.2; done; exit 1')

    def gone(host: Host) -> None:
        assert stage.run(host, _NAME) == ""

    def there(host: Host) -> None:
        assert stage.run(host, _NAME) != ""

    stage.checks.append(gone)
    stage.checks_restarted = [there]


@cell(THEME, "an e1000e beside it, whose link is down")
def link_down(stage: Stage) -> None:
    xml = NIC.replace("type='virtio'", "type='e1000e'").replace(
        "</interface>", "<link state='down'/></interface>"
    )
    stage.start(xml, machine="q35")

    def down(host: Host) -> None:
        assert "<link state='down'/>" in stage.domain(host).XMLDesc()

    stage.checks.append(down)
