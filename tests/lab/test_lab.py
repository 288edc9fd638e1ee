"""The lab itself: it leaves nothing behind, several fit beside each other, and its guests notice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import libvirt
import pytest

from conftest import StartGuest
from libvirt_migrate.lab import Host, Lab, LabError, Workload, daemon, down, keeper, network, state, tools

pytestmark = pytest.mark.lab


def cables() -> set[str]:
    return {
        line.split("@")[0].split()[1]
        for line in tools.run(["ip", "-o", "link"]).splitlines()
        if "lmlab" in line
    }


def cable_of(name: str) -> str:
    """The cable of the lab of this name: other labs may come and go on the same machine."""
    found = state.read(name)
    assert found is not None
    cable = network.cable_name(found.subnet)
    assert cable in cables()
    return cable


def processes(name: str) -> list[str]:
    """Processes of the lab of this name, by their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if name in line and "pytest" not in line:
            found.append(line)
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def assert_gone(name: str, cable: str, pids: list[int]) -> None:
    """Nothing of the lab is there: no folder, cable, mount or process."""
    assert wait_until(lambda: not state.folder(name).exists())
    assert wait_until(lambda: cable not in cables())
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert name not in Path("/proc/mounts").read_text()
    assert wait_until(lambda: not processes(name)), processes(name)


#: Adds an account while a lab is up, on a machine whose /etc is a copy: the real one stays as it is.
ACCOUNT = """
import subprocess, sys
from libvirt_migrate.lab import Lab
with Lab(sys.argv[1]) as lab:
    subprocess.run(["useradd", "--system", "somebody-new"], check=True)
    for host in lab.hosts:
        host.run("getent", "passwd", "libvirt-qemu")
        host.stop_daemon()
        host.start_daemon()
        print(host.run("hostname", "--ip-address").strip() == host.address)
    lab.start_guest("vm1")
"""
COPY = """set -e
mkdir "$1/etc"
cp -a /etc/. "$1/etc"
mount --bind "$1/etc" /etc
shift
exec "$@"
"""


def test_an_account_added_to_the_machine_changes_nothing_in_a_lab(tmp_path: Path) -> None:
    copied = ["unshare", "--mount", "sh", "-c", COPY, "sh", str(tmp_path)]
    program = [sys.executable, "-c", ACCOUNT, f"account-{os.getpid()}"]
    done = subprocess.run([*copied, *program], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]
    assert "somebody-new" not in Path("/etc/passwd").read_text()


def test_a_lab_that_is_detached_outlives_its_process() -> None:
    name = f"detached-{os.getpid()}"
    program = f"from libvirt_migrate.lab import Lab; lab = Lab({name!r}); lab.up(); lab.detach()"
    # Its output ends with the process, not with the lab.
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, timeout=60)
    lab = Lab.attach(name)
    pids = [host.pid for host in lab.hosts]
    cable = cable_of(name)
    assert lab.hosts[0].run("hostname").strip() == "host1"
    assert down(name)
    assert_gone(name, cable, pids)


POWER_BUTTON = "<features><acpi/></features>"


def test_a_guest_obeys_its_power_button() -> None:
    with Lab(f"button-{os.getpid()}", hosts=1) as lab:
        (host,) = lab.hosts
        guest = lab.start_guest("vm1")
        domain = guest.domain(host)
        domain.destroy()
        edited = guest.xml.replace("<clock ", f"{POWER_BUTTON}<clock ").replace(
            "ws=16 rest=0", "ws=4 rest=9 idle=1"
        )
        guest.beats.forget()
        domain = host.connection().defineXML(edited)
        domain.create()
        guest.beats.wait_for_passes(3)
        assert guest.beats.is_intact()
        domain.shutdown()
        assert wait_until(lambda: not domain.isActive())


def test_it_leaves_nothing_behind() -> None:
    name = f"nothing-{os.getpid()}"
    with Lab(name) as lab:
        lab.start_guest("vm1")
        pids = [host.pid for host in lab.hosts]
        cable = cable_of(name)
        assert processes("guest=vm1")
    assert_gone(name, cable, pids)


def test_connections_end_with_it() -> None:
    with Lab(f"ends-{os.getpid()}", hosts=1) as lab:
        connection = libvirt.open(lab.hosts[0].uri)
        assert connection.isAlive()
    # Without that a call would wait for as long as TCP does.
    with pytest.raises(libvirt.libvirtError):
        connection.getHostname()


HASTY = """
    import os, signal, sys
    from libvirt_migrate.lab import keeper
    def told(*words, **options):
        print(*words, **options)
        os.kill(os.getpid(), signal.SIGTERM)
    keeper.print = told
    sys.exit(keeper.main(sys.argv[1], "here", "tied"))
"""


def test_an_end_that_is_asked_for_at_once_is_not_lost() -> None:
    name = f"hasty-{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HASTY), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        try:
            assert user.wait(30) == 0
        finally:
            user.kill()
    assert not state.folder(name).exists()


USER = """
    import os, sys
    from libvirt_migrate.lab import Lab
    lab = Lab(sys.argv[1])
    lab.up()
    lab.start_guest("vm1")
    print(lab._state.keeper, *[host.pid for host in lab.hosts], flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("victim", ["user", "keeper"])
def test_a_kill_half_way_leaves_nothing_behind(victim: str) -> None:
    name = f"killed-{victim}-{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(USER), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as user:
        assert user.stdout is not None
        keeper, *hosts = (int(word) for word in user.stdout.readline().split())
        cable = cable_of(name)
        os.kill(user.pid if victim == "user" else keeper, signal.SIGKILL)
        if victim == "user":
            user.wait()
            assert_gone(name, cable, [keeper, *hosts])
            return
        assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in hosts))
        user.kill()
        user.wait()
    # Only files are left, and the next lab removes them.
    with Lab(f"next-{os.getpid()}"):
        pass
    assert_gone(name, cable, hosts)


def test_a_lab_that_fails_half_way_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"broken-{os.getpid()}"
    seen: list[int] = []
    own: list[str] = []

    def start(folder: Path, pid: int, address: str) -> None:
        seen.append(pid)
        own.append(cable_of(name))
        raise LabError("libvirtd does not start")

    monkeypatch.setattr(daemon, "start", start)
    with pytest.raises(LabError, match="libvirtd does not start"):
        keeper.make(name, ["", ""])
    assert len(seen) == 1
    assert_gone(name, own[0], seen)


def test_what_cannot_be_had_is_said(lab: Lab) -> None:
    with pytest.raises(LabError, match="0 hosts: 1 to 200"):
        Lab("none", hosts=0)
    with pytest.raises(LabError, match=f"a lab named '{lab.name}' is up already"):
        Lab(lab.name).up()
    with pytest.raises(LabError, match="a working set of 60 MiB does not fit into 64 MiB"):
        lab.start_guest("vm1", memory=64, workload=Workload(working_set=60))
    with pytest.raises(LabError, match="no lab named 'nobody' is up"):
        Lab.attach("nobody")
    with pytest.raises(LabError, match="the lab is not up"):
        Lab("nobody").start_guest("vm1")


def test_several_labs_exist_at_once(lab: Lab) -> None:
    with Lab(f"second-{os.getpid()}", hosts=1) as second:
        addresses = {host.address for host in (*lab.hosts, *second.hosts)}
        assert len(addresses) == 3
        guest = second.start_guest("vm1")
        guest.beats.wait_for_passes()
    assert all(host.connection().isAlive() for host in lab.hosts)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "libvirt_migrate.lab", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_makes_shows_and_ends_a_lab() -> None:
    name = f"shell-{os.getpid()}"
    up = command("up", "--name", name)
    assert up.returncode == 0, up.stderr
    uris = dict(line.split() for line in up.stdout.splitlines())
    assert list(uris) == ["host1", "host2"]
    attached = Lab.attach(name)
    cable = cable_of(name)
    assert [host.uri for host in attached.hosts] == list(uris.values())
    attached.start_guest("vm1")
    status = command("status", "--name", name)
    assert status.returncode == 0
    assert f"host1  {uris['host1']}  guests: vm1" in status.stdout
    assert command("up", "--name", name).returncode == 2
    for host in attached.hosts:
        host.close()
    assert command("down", "--name", name).returncode == 0
    assert_gone(name, cable, [host.pid for host in attached.hosts])
    assert command("status", "--name", name).returncode == 1
    again = command("down", "--name", name)
    assert (again.returncode, again.stdout) == (0, f"no lab named {name} is up\n")
    assert not down(name)


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="root"):
        tools.check()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "SYSTEM_PATH", "/nowhere")
    with pytest.raises(LabError, match=r"apt-get install .*iproute2 libvirt-daemon mount qemu-system-x86"):
        tools.check()


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "..", "-a", "x" * 25])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        Lab(name)


def test_the_state_that_a_newer_version_wrote_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lab: Lab
) -> None:
    """Every lab looks at all that there are."""
    fields = json.loads((state.folder(lab.name) / "lab.json").read_text())
    newer = {**fields, "colour": "red", "hosts": [{**host, "shape": "round"} for host in fields["hosts"]]}
    monkeypatch.setattr(state, "ROOT", tmp_path)
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "lab.json").write_text(json.dumps(newer))
    assert state.read("newer") == lab._state


def test_a_lost_page_is_noticed(start_guest: StartGuest) -> None:
    guest = start_guest(workload=Workload(working_set=4, skip=50))
    guest.beats.wait_for_passes(60)
    assert guest.beats.errors == 1
    assert not guest.beats.is_intact()


def test_a_pause_is_measured(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest()
    start = time.time()
    domain = guest.domain(source)
    domain.suspend()
    assert guest.beats.is_silent(0.5)
    domain.resume()
    guest.beats.wait_for_passes()
    measured, most = guest.beats.longest_gap(start), time.time() - start
    assert 0.45 <= measured <= most
    assert guest.beats.is_intact()


def test_a_daemon_can_be_stopped_and_started(start_guest: StartGuest, source: Host) -> None:
    guest = start_guest()
    for kill in (False, True):
        source.stop_daemon(kill=kill)
        guest.beats.wait_for_passes()
        source.start_daemon()
    assert guest.domain(source).isActive()
