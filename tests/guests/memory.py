"""Memory and processors."""

from __future__ import annotations

import time

from helpers.huge_pages import make_pages
from libvirt_migrate.lab import Host, faults
from plan.frame import replacing

from .cell import cell
from .frame import CONFIG, LIVE, Stage
from .slow import until

THEME = "Memory and processors"
_CELL = "<cpu><numa><cell id='0' cpus='0' memory='192' unit='MiB'/></numa></cpu><clock"
_SLOTS = (
    "<memory unit='MiB'>192</memory>",
    "<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>192</memory>",
    "<clock",
    _CELL,
)


def total(stage: Stage, host: Host) -> int:
    """The memory that the guest's system finds, in MiB."""
    return int(stage.run(host, "sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024


def has_memory(stage: Stage, least: int, most: int) -> None:
    """The guest's system finds so much memory, in MiB."""

    def check(host: Host) -> None:
        assert least <= total(stage, host) <= most

    stage.checks.append(check)


def has_processors(stage: Stage, number: int) -> None:
    """The guest's system runs on so many processors."""

    def check(host: Host) -> None:
        assert stage.run(host, "nproc") == str(number)

    stage.checks.append(check)


@cell(THEME, "memory that was plugged in while it ran, and is kept (DIMM)")
def dimm(stage: Stage) -> None:
    domain = stage.start(edit=replacing(*_SLOTS))
    before = total(stage, stage.source)
    xml = "<memory model='dimm'><target><size unit='M'>128</size><node>0</node></target></memory>"
    domain.attachDeviceFlags(xml, LIVE | CONFIG)
    online = "for at in /sys/devices/system/memory/memory*/state; do echo online > $at; done 2>/dev/null"

    def check(host: Host) -> None:
        deadline = time.monotonic() + 60
        # The part of it that describes it is not counted, and the system takes a while to find it.
        while total(stage, host) < before + 40:
            stage.run(host, f"{online}; sleep 1")
            assert time.monotonic() < deadline, (before, total(stage, host))

    stage.checks.append(check)


@cell(THEME, "a balloon that has been blown up")
def balloon(stage: Stage) -> None:
    domain = stage.start(memory=256)
    domain.setMemoryFlags(200 << 10, LIVE)
    # The guest gives its memory back by and by.
    until(lambda: domain.info()[2] == 200 << 10, "that the balloon is blown up")

    def check(host: Host) -> None:
        assert stage.domain(host).info()[2] == 200 << 10

    stage.checks.append(check)
    has_memory(stage, 100, 200)
    stage.checks_restarted = []


@cell(THEME, "a free page that the balloon reports, and its statistics")
def balloon_reporting(stage: Stage) -> None:
    more = " autodeflate='on' freePageReporting='on'><stats period='1'/></memballoon>"
    stage.start(edit=replacing("<memballoon model='virtio'/>", f"<memballoon model='virtio'{more}"))


@cell(THEME, "memory from a memfd, shared")
def memfd(stage: Stage) -> None:
    backing = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><os>"
    stage.start(edit=replacing("<os>", backing))


@cell(THEME, "memory in huge pages")
def huge_pages(stage: Stage) -> None:
    # For the guest here, for the one that it becomes there, and for its display.
    make_pages(stage.clean, 3 * 96)
    pages = "<hugepages><page size='2' unit='MiB'/></hugepages><source type='memfd'/>"
    stage.start(edit=replacing("<os>", f"<memoryBacking>{pages}</memoryBacking><os>"))

    def check(host: Host) -> None:
        (number,) = faults.qemu(host, stage.name)
        assert "kernelpagesize_kB=2048" in host.run("cat", f"/proc/{number}/numa_maps")

    stage.checks.append(check)


@cell(THEME, "two NUMA cells, each on a node of the host, and pinned processors")
def numa_cells(stage: Stage) -> None:
    cells = (
        "<cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/>"
        "<cell id='1' cpus='1' memory='128' unit='MiB'/></numa></cpu><clock"
    )
    tune = (
        "<cputune><vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='1' cpuset='1'/></cputune>"
        "<numatune><memory mode='strict' nodeset='0'/>"
        "<memnode cellid='0' mode='strict' nodeset='0'/></numatune><os>"
    )
    stage.start(edit=replacing("<vcpu>1</vcpu>", "<vcpu>2</vcpu>", "<clock", cells, "<os>", tune), memory=256)
    has_processors(stage, 2)

    def check(host: Host) -> None:
        assert stage.run(host, "ls -d /sys/devices/system/node/node[0-9]* | wc -l") == "2"
        assert stage.domain(host).vcpuPinInfo() == [(True, False), (False, True)]

    stage.checks.append(check)


@cell(THEME, "a processor that was plugged in while it ran")
def plugged_processor(stage: Stage) -> None:
    domain = stage.start(edit=replacing("<vcpu>1</vcpu>", "<vcpu current='1'>2</vcpu>"))
    domain.setVcpusFlags(2, LIVE)
    online = "echo 1 > /sys/devices/system/cpu/cpu1/online"
    stage.run(
        stage.source,
        f"for i in $(seq 100); do {online} 2>/dev/null; [ $(nproc) = 2 ] && exit 0; sleep 0.2; done; exit 1",
    )
    has_processors(stage, 2)

    def one(host: Host) -> None:
        assert stage.run(host, "nproc") == "1"

    stage.checks_restarted = [one]


@cell(THEME, "a processor model with features, and Hyper-V's enlightenments")
def processor_model(stage: Stage) -> None:
    cpu = (
        "<cpu mode='custom' match='exact'><model>Westmere</model>"
        "<feature policy='disable' name='pclmuldq'/></cpu>"
    )
    stage.start(
        edit=replacing(
            "<clock", f"{cpu}<clock", "<acpi/>", "<acpi/><apic/><hyperv><relaxed state='on'/></hyperv>"
        )
    )
