"""Real guests between real hosts: what `Guest.migrate` and its parameters do there."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import libvirt
import pytest

from conftest import StartGuest
from helpers.lab_moves import DEFAULT, F, assert_arrived, assert_stayed, params_for, wait_for_job
from libvirt_migrate import (
    Guest,
    InvalidParameter,
    MigrationFailed,
    build_migrate_params,
)
from libvirt_migrate.lab import Host, Workload
from libvirt_migrate.lab.demo import listen_address


def test_a_moved_guest_is_right_after_a_restart(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest(memory=256, workload=Workload(working_set=64))
    Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts))
    assert_arrived(guest, hosts)
    moved, address = guest.domain(hosts[1]), hosts[1].address
    assert listen_address(moved) == address
    assert listen_address(moved, libvirt.VIR_DOMAIN_XML_INACTIVE) == address
    moved.destroy()
    guest.beats.forget()
    moved.create()
    guest.beats.wait_for_passes()
    assert listen_address(moved) == address


def test_libvirt_python_takes_the_parameters(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    params = params_for(guest, hosts, migrate_uri=f"tcp://{hosts[1].address}", bandwidth=0)
    guest.domain(hosts[0]).migrateToURI3(params.destination, params=dict(params), flags=int(params.flags))
    assert_arrived(guest, hosts)
    assert listen_address(guest.domain(hosts[1]), libvirt.VIR_DOMAIN_XML_INACTIVE) == hosts[1].address


def test_without_libvirt_python(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    code = """
        import sys
        sys.modules["libvirt"] = None  # an import of it fails
        from libvirt_migrate import Guest, build_migrate_params
        guest = Guest.open(sys.argv[1], uri=sys.argv[2])
        guest.migrate(build_migrate_params(sys.stdin.read(), destination=sys.argv[3]))
        print(Guest.open(sys.argv[1], uri=sys.argv[3]).state.name)
    """
    xml = params_for(guest, hosts)["destination_xml"]
    command = [sys.executable, "-c", textwrap.dedent(code), guest.uuid, hosts[0].uri, hosts[1].uri]
    done = subprocess.run(command, input=xml, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "running\n", "")
    assert_arrived(guest, hosts)


class Proxy:
    """Passes every call on, as `tpool.Proxy` does."""

    def __init__(self, domain: Any) -> None:
        self.calls: list[str] = []
        self._domain = domain

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._domain, name)


def test_a_proxy_is_moved_through_its_own_methods(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    proxy = Proxy(guest.domain(hosts[0]))
    Guest(proxy).migrate(params_for(guest, hosts))
    assert "migrateToURI3" in proxy.calls
    assert_arrived(guest, hosts)


@pytest.mark.parametrize(
    "how",
    [
        {"parallel_connections": 2},
        {"flags": DEFAULT | F.TUNNELLED},
        {"flags": DEFAULT | F.AUTO_CONVERGE, "auto_converge_initial": 30, "auto_converge_increment": 20},
        {"compression": "xbzrle", "compression_xbzrle_cache": 1 << 25},
        {"flags": DEFAULT | F.POSTCOPY, "bandwidth_postcopy": 500},
        {"flags": DEFAULT | F.CHANGE_PROTECTION | F.ABORT_ON_ERROR},
        {"flags": F.PEER2PEER | F.PERSIST_DEST | F.UNDEFINE_SOURCE},
        {"bandwidth": 900, "disks_port": 49300},
    ],
    ids=lambda how: "+".join(how),
)
def test_ways_to_move(start_guest: StartGuest, hosts: tuple[Host, Host], how: dict[str, Any]) -> None:
    guest = start_guest(workload=Workload(working_set=32))
    Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, **how))
    assert_arrived(guest, hosts)
    assert listen_address(guest.domain(hosts[1]), libvirt.VIR_DOMAIN_XML_INACTIVE) == hosts[1].address


def test_a_disk_is_copied(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    image = "/var/lib/libvirt/disk.img"
    for host in hosts:
        host.run("truncate", "--size", "8M", image)
    hosts[0].run("sh", "-c", f"printf written | dd of={image} conv=notrunc bs=1 seek=4096 status=none")
    disk = f"""    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{image}'/><target dev='vda' bus='virtio'/>
    </disk>\n"""
    guest = start_guest(devices=disk)
    params = params_for(guest, hosts, migrate_disks=["vda"])
    assert params.flags == DEFAULT | F.NON_SHARED_DISK
    with pytest.raises(InvalidParameter, match=r"migrate_disks: the guest has no disk \"vdb\", only vda"):
        Guest(guest.domain(hosts[0])).migrate(params_for(guest, hosts, migrate_disks=["vdb"]))
    Guest(guest.domain(hosts[0])).migrate(params)
    assert_arrived(guest, hosts)
    copied = hosts[1].run("dd", f"if={image}", "bs=1", "skip=4096", "count=7", "status=none")
    assert copied == "written"


def test_a_paused_guest_arrives_paused(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    domain = guest.domain(hosts[0])
    domain.suspend()
    Guest(domain).migrate(params_for(guest, hosts))
    moved = Guest(guest.domain(hosts[1]))
    assert moved.state.name == "paused"
    assert guest.beats.is_silent(0.3)
    moved.resume()
    assert_arrived(guest, hosts)


def test_other_threads_run_all_the_while(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest(workload=Workload(working_set=4))
    params = params_for(guest, hosts, bandwidth=30)
    stamps: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.005):
            stamps.append(time.monotonic())

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    Guest(guest.domain(hosts[0])).migrate(params)
    end = time.monotonic()
    stop.set()
    ticker.join()
    during = [start, *(stamp for stamp in stamps if start <= stamp <= end), end]
    longest = max(later - earlier for earlier, later in itertools.pairwise(during))
    # With the GIL held there would be no tick at all in between.
    assert longest < (end - start) / 2
    assert_arrived(guest, hosts)


def test_ctrl_c_aborts_and_waits(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    code = """
        import sys
        from libvirt_migrate import Guest, build_migrate_params
        guest = Guest.open(sys.argv[1], uri=sys.argv[2])
        params = build_migrate_params(sys.stdin.read(), destination=sys.argv[3], bandwidth=1)
        print("ready", flush=True)
        try:
            guest.migrate(params)
        except KeyboardInterrupt as interrupt:
            print(type(interrupt.__cause__).__name__, interrupt.__cause__.guest_location, guest.state.name)
    """
    xml = params_for(guest, hosts)["destination_xml"]
    command = [sys.executable, "-c", textwrap.dedent(code), guest.uuid, hosts[0].uri, hosts[1].uri]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as user:
        assert user.stdin is not None
        assert user.stdout is not None
        user.stdin.write(xml)
        user.stdin.close()
        assert user.stdout.readline() == "ready\n"
        wait_for_job(guest.domain(hosts[0]))
        user.send_signal(signal.SIGINT)
        assert user.stdout.read() == "MigrationCancelled source-running running\n"
        assert user.wait(10) == 0
    assert guest.domain(hosts[0]).jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
    assert_stayed(guest, hosts[0])


def test_a_destination_that_refuses(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    domain = guest.domain(hosts[0])
    hosts[1].stop_daemon()
    try:
        with pytest.raises(
            MigrationFailed, match=r"unable to connect.*\(the guest is source-running\)"
        ) as caught:
            Guest(domain).migrate(params_for(guest, hosts))
        assert isinstance(caught.value, libvirt.libvirtError)
        assert caught.value.guest_location == "source-running"
    finally:
        hosts[1].start_daemon()
    assert_stayed(guest, hosts[0])

    # A machine type that the destination's QEMU has not.
    xml = params_for(guest, hosts)["destination_xml"]
    other = re.sub("machine='[^']*'", "machine='pc-i440fx-0.1'", xml)
    with pytest.raises(MigrationFailed, match=r"pc-i440fx-0.1|machine type"):
        Guest(domain).migrate(build_migrate_params(other, destination=hosts[1].uri))
    assert_stayed(guest, hosts[0])


def test_bad_input_leaves_the_guest_alone(start_guest: StartGuest, hosts: tuple[Host, Host]) -> None:
    guest = start_guest()
    ours = Guest(guest.domain(hosts[0]))
    good = params_for(guest, hosts)
    version = hosts[0].connection().getLibVersion()
    bad: list[tuple[Any, str]] = [
        (build_migrate_params(good["destination_xml"]), "destination: is missing"),
        (
            build_migrate_params(good["destination_xml"].replace(guest.name, "x"), destination="a:b"),
            "destination_name",
        ),
        (
            build_migrate_params(good["destination_xml"].replace(guest.uuid[:4], "0000"), destination="a:b"),
            "uuid",
        ),
        ({**good, "bandwith": 5}, "bandwith: is not a migration parameter"),
        ({**good, "bandwidth": -5}, "bandwidth: -5"),
    ]
    if version < 12_002_000:
        newer = good.replace(flags=DEFAULT | F.NON_SHARED_DISK)
        newer = build_migrate_params(
            destination=newer.destination, flags=newer.flags, migrate_disks_target_zero=["vda"]
        )
        bad.append((newer, r"migrate_disks_target_zero: needs libvirt 12\.2\.0"))
    for params, message in bad:
        with pytest.raises(InvalidParameter, match=message):
            ours.migrate(params)
    assert guest.domain(hosts[0]).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED) == {"type": 0}
    assert_stayed(guest, hosts[0])
