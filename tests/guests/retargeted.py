"""Steps of Retarget, seen in what QEMU does at the destination, not in the definition only."""

from __future__ import annotations

import json
import re

import libvirt

from helpers.commands import command
from helpers.events import events
from libvirt_migrate import Convergence, Guest, MigrateFlags, Retarget, build_migrate_params, retarget_pair
from libvirt_migrate.lab import Host
from plan.frame import replacing

from .cell import story
from .disks import disk
from .frame import Stage

THEME = "What is changed by Retarget"


def _move(stage: Stage, retarget: Retarget, *, unsafe: bool = False) -> None:
    """Moves it with both of its definitions changed; it must have come whole, and start anew there."""
    domain = stage.domain(stage.source)
    flags = libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE
    both = domain.XMLDesc(flags), domain.XMLDesc(flags | libvirt.VIR_DOMAIN_XML_INACTIVE)
    live, persistent = retarget_pair(*both, retarget)
    params = build_migrate_params(live, persistent_xml=persistent, destination=stage.destination.uri)
    calls = params.flags | MigrateFlags.UNSAFE if unsafe else None
    Guest(domain).migrate(params, flags=calls, convergence=Convergence(max_downtime=10))
    stage.guest.beats.wait_for_passes(2, timeout=60)
    assert stage.guest.beats.is_intact()


def _qemu(stage: Stage, host: Host) -> str:
    """The number of the guest's QEMU at a host, in the lab's own count."""
    return host.run("cat", f"/run/libvirt/qemu/{stage.guest.name}.pid").strip()


def _words(stage: Stage, host: Host) -> str:
    """Its command line."""
    return host.run("sh", "-c", f"tr '\\0' ' ' < /proc/{_qemu(stage, host)}/cmdline")


def _processors(stage: Stage, host: Host) -> dict[str, str]:
    """On which processors each of its threads may run, by their names."""
    script = f"grep -H -E '^(Name|Cpus_allowed_list):' /proc/{_qemu(stage, host)}/task/*/status"
    found: dict[str, dict[str, str]] = {}
    for line in host.run("sh", "-c", script).splitlines():
        path, name, value = re.split(r":\s*", line, maxsplit=2)
        found.setdefault(path, {})[name] = value
    return {each["Name"]: each["Cpus_allowed_list"] for each in found.values()}


def _started_anew(stage: Stage) -> None:
    domain = stage.domain(stage.destination)
    domain.destroy()
    stage.guest.beats.forget()
    domain.create()
    stage.guest.beats.wait_for_passes(timeout=300)


@story(THEME, "display, serial line, channel, disk and interface")
def places(stage: Stage) -> str:
    folder = stage.shared_folder()
    here, there = folder / "here.raw", folder / "there.raw"
    stage.source.run("qemu-img", "create", "-q", "-f", "raw", str(here), "16M")
    # The same disk by another path.
    there.hardlink_to(here)
    stage.destination.run("ip", "link", "add", "other", "type", "bridge")
    stage.clean.callback(stage.destination.run, "ip", "link", "delete", "other")
    source, destination = stage.hosts
    stage.start(
        disk(str(here), more="<serial>first</serial>")
        + f"<serial type='tcp'><source mode='bind' host='{source.address}' service='5990'/>"
        "<protocol type='raw'/></serial>"
        f"<channel type='tcp'><source mode='bind' host='{source.address}' service='5991'/>"
        "<protocol type='raw'/><target type='virtio' name='org.example.tcp'/></channel>",
        # The one that beats is the first.
        edit=lambda xml: _beating_first(xml),
    )
    hashed = "dd if=/dev/vda bs=64k count=8 2>/dev/null | sha256sum"
    written = stage.run(source, f"dd if=/dev/urandom of=/dev/vda bs=64k count=8; sync; {hashed}")
    mac = re.findall(r"<mac address='([^']+)'", stage.guest.xml)[0]
    other = f"<disk type='file'><source file='{there}'/></disk>"
    bridge = "<interface type='bridge'><source bridge='other'/></interface>"
    retarget = Retarget.from_json(
        json.dumps({
            "graphics": {"vnc": destination.address, "vnc_port": 5955},
            "serial": {"address": destination.address, "ports": [6989, 6990]},
            "listeners": {"address": destination.address, "ports": {"5991": 6991}},
            "disks": [{"match": {"serial": "first"}, "xml": other}],
            "interfaces": [{"mac": mac, "xml": bridge}],
        })
    )  # fmt: skip
    _move(stage, retarget, unsafe=True)
    for again in (False, True):
        if again:
            _started_anew(stage)
        number = _qemu(stage, destination)
        open_files = destination.run("sh", "-c", f"ls -l /proc/{number}/fd")
        assert str(there) in open_files
        assert str(here) not in open_files
        listening = destination.run("ss", "-Hltn")
        for port in (5955, 6990, 6991):
            assert f"{destination.address}:{port} " in listening, listening
        (nic,) = re.findall(r"<target dev='(vnet\d+)'", stage.domain(destination).XMLDesc())
        assert "master other" in destination.run("ip", "link", "show", nic)
        read = stage.run(destination, f"echo 3 > /proc/sys/vm/drop_caches; {hashed}")
        assert read == written.splitlines()[-1]
    return "QEMU listens at the new ports there, has the other path open, and is on the other bridge"


def _beating_first(xml: str) -> str:
    """The serial line that beats comes before the other one, as it would be the guest's first."""
    (beating,) = re.findall(r"<serial type='udp'>.*?</serial>", xml, re.DOTALL)
    xml = xml.replace(beating, "")
    return xml.replace("<serial type='tcp'>", f"{beating}<serial type='tcp'>")


@story(THEME, "processors, pins, NUMA nodes and shares")
def placement(stage: Stage) -> str:
    destination = stage.destination
    stage.start(edit=replacing("<vcpu>1</vcpu>", "<vcpu cpuset='0'>2</vcpu>"))
    assert set(_processors(stage, stage.source).values()) == {"0"}
    _move(
        stage,
        Retarget.from_json(
            json.dumps({
                "graphics": {"vnc": destination.address},
                "vcpu_cpuset": "0-1",
                "cpu_shares": 2048,
                "numa": {"vcpu_pins": {"0": "1", "1": "0"}, "emulator_pin": "1", "memory": "0"},
            })
        ),
    )  # fmt: skip
    for again in (False, True):
        if again:
            _started_anew(stage)
        found = _processors(stage, destination)
        vcpus = {name: where for name, where in found.items() if name.startswith("CPU ")}
        assert list(vcpus.values()) in (["1", "0"], ["0", "1"]), found
        assert vcpus[next(name for name in vcpus if name.startswith("CPU 0"))] == "1", found
        assert found["qemu-system-x86"] == "1", found
        maps = destination.run("cat", f"/proc/{_qemu(stage, destination)}/numa_maps")
        assert "bind:0" in maps or "bind=static:0" in maps, maps[:300]
        assert "<shares>2048</shares>" in stage.domain(destination).XMLDesc()
    return (
        "threads run where the pins say, and memory is bound to the node; the shares are in the definition"
        " (the lab's hosts have no cgroups)"
    )


@story(THEME, "memory from files, which are discarded at the end")
def file_backed(stage: Stage) -> str:
    destination = stage.destination
    backing = "<memoryBacking><source type='file'/><access mode='shared'/><allocation mode='immediate'/>"
    stage.start(edit=replacing("<os>", f"{backing}</memoryBacking><os>"))
    assert "discard-data" not in _words(stage, stage.source)
    changed = {"graphics": {"vnc": destination.address}, "memory_backing": {"file_backed": True}}
    _move(stage, Retarget.from_json(json.dumps(changed)))
    for again in (False, True):
        if again:
            _started_anew(stage)
        assert '"discard-data":true' in _words(stage, destination)
        number = _qemu(stage, destination)
        assert "/var/lib/libvirt/qemu/ram/" in destination.run("cat", f"/proc/{number}/maps")
    return "QEMU has its memory in a file there and discards it at the end, which it did not at the source"


@story(THEME, "memory from files, where it was from none")
def another_backing(stage: Stage) -> str:
    stage.start()
    stage.options += ["--set", "memory_backing.file_backed=true"]
    done = command(*stage.words("plan", stage.source, stage.destination, "--json"), timeout=110)
    assert (done.returncode, done.stderr) == (3, ""), done
    (reason,) = (event["reason"] for event in events(done.stdout) if event.get("result") == "fail")
    assert "memoryBacking source" in reason
    stage.guest.beats.wait_for_passes(2)
    return f"cannot be changed for a guest that runs, and `plan` says so: {reason}"
