"""`plan`: what each check finds between real hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import libvirt

from conftest import StartGuest
from helpers.commands import command, refused
from helpers.events import events
from helpers.moves import is_at
from libvirt_migrate.lab import Host


def test_plan_moves_nothing(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    done = command("plan", guest.uuid, *route)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready to migrate" in done.stdout
    assert f"'{source.address}' -> '{destination.address}'" in done.stdout

    done = command(
        "plan", guest.uuid, destination.uri, "--from", source.uri, "--copy-storage", "vdq", "--json"
    )
    assert done.returncode == 3
    *checks, plan = events(done.stdout)
    assert not plan["passed"]
    results = {check["name"]: check["result"] for check in checks}
    names = [
        "guest",
        "snapshots",
        "autostart",
        "block-jobs",
        "storage",
        "devices",
        "source",
        "route",
        "parameters",
        "name",
        "machine",
        "definition",
        "persistent-definition",
        "cpu",
        "shared-storage",
        "addresses",
        "files",
        "memory",
    ]
    assert list(results) == names
    # The disk that is not there, then that there are none at all.
    assert [check["result"] for check in checks if check["name"] == "storage"] == ["fail", "pass"]
    assert [check["name"] for check in checks if check["fatal"]] == ["storage", "source"]
    # Nobody asks for the route of a migration that the source would not begin.
    assert (plan["failed"], plan["not_known"], plan["word"]) == (
        4,
        1,
        "4 checks failed, and 1 check could not be made",
    )
    assert results["addresses"] == "fail"
    assert is_at(guest, source)
    assert guest.domain(source).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED) == {"type": 0}


def test_plan_sees_what_the_destination_lacks(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...], tmp_path: Path
) -> None:
    guest = start_guest()
    taken = destination.connection().defineXML(re.sub(r"<uuid>.*?</uuid>", "", guest.xml))
    try:
        line = refused(command("migrate", guest.name, *route, "--force"), 3)
        assert f"name: the destination has a guest {guest.name} with uuid {taken.UUIDString()}" in line
        assert "--force" not in line
    finally:
        taken.undefine()
    lacking = tmp_path / "retarget.json"
    lacking.write_text('{"numa": {"memory": "77"}, "graphics": {"vnc": "{host}"}}')
    done = command("plan", guest.name, *route[:3], "--retarget", str(lacking))
    assert done.returncode == 3
    assert re.search(r"FAILED +definition +.*NUMA node 77 is unavailable", done.stdout)
    assert re.search(r"FAILED +persistent-definition +.*NUMA node 77 is unavailable", done.stdout)
    assert is_at(guest, source)


@contextmanager
def defined(host: Host, xml: str) -> Iterator[Any]:
    """A guest with another name and uuid than the one that the definition is from; it does not run."""
    xml = re.sub(r"<uuid>.*?</uuid>", "", xml).replace("<name>", "<name>other-")
    domain = host.connection().defineXML(xml)
    try:
        yield domain
    finally:
        if domain.isActive():
            domain.destroy()
        domain.undefine()


def found(name: str, *options: str) -> dict[str, str]:
    """The result of each check, with its reason."""
    *checks, _ = events(command("plan", name, *options, "--json").stdout)
    return {check["name"]: f"{check['result']}: {check['reason']}" for check in checks}


def test_plan_sees_a_processor_and_memory_that_the_destination_lacks(
    start_guest: StartGuest, source: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    # An emulated processor has no AVX-512, and no host of the tests has a TiB of memory.
    cpu = "<cpu mode='custom' match='exact'><model>Skylake-Server</model></cpu><clock"
    xml = guest.xml.replace("<clock", cpu).replace("<memory unit='MiB'>128<", "<memory unit='TiB'>1<")
    with defined(source, xml) as domain:
        results = found(domain.name(), *route)
    assert results["guest"].startswith("fail: is shut off")
    assert results["cpu"] == "fail: the destination lacks something of the guest's processor"
    assert results["memory"].startswith("fail: 1024 GiB needed, ")


def test_plan_sees_that_the_next_start_would_fail(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    everywhere = guest.xml.replace(f"'{source.address}'", "'0.0.0.0'")
    with defined(source, everywhere) as domain:
        domain.create()
        kept = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("'0.0.0.0'", f"'{source.address}'")
        source.connection().defineXML(kept)
        results = found(domain.name(), destination.uri, "--from", source.uri)
        assert results["addresses"] == "pass: vnc listens at 0.0.0.0, which every host has"
        failed = f"fail: the next start would fail: vnc listens at {source.address}, which is the source's"
        assert results["persistent-definition"].startswith(failed)
        assert found(domain.name(), *route)["persistent-definition"].startswith("pass")


def test_plan_sees_a_disk_in_a_pool_of_the_destination(
    start_guest: StartGuest, source: Host, destination: Host, route: tuple[str, ...]
) -> None:
    guest = start_guest()
    image = "/var/lib/libvirt/pool/vm.img"
    destination.run("install", "-d", "/var/lib/libvirt/pool")
    destination.run("truncate", "-s", "1M", image)
    disk = f"<disk type='file'><source file='{image}'/><target dev='vda'/></disk>"
    xml = guest.xml.replace("<devices>", f"<devices>{disk}")
    connection = destination.connection()
    with defined(source, xml) as domain:
        words = (domain.name(), *route)
        assert found(*words)["storage"] == (
            f"pass: vda ({image}): the destination has such a file; it must be the same one"
        )
        pool = connection.storagePoolCreateXML(
            "<pool type='dir'><name>pool</name><target><path>/var/lib/libvirt/pool</path></target></pool>"
        )
        try:
            assert found(*words)["storage"] == (
                f"pass: vda ({image}): a storage pool of the destination has it"
            )
            # Only of a guest that runs libvirt knows how large its disk is.
            copied = found(*words, "--copy-storage", "vda")["storage"]
            assert copied.endswith("is copied onto the image there; is it as large as the source's?")
        finally:
            pool.destroy()
        destination.run("rm", image)
        assert found(*words)["storage"].startswith(f"fail: vda ({image}): the destination does not have it")
