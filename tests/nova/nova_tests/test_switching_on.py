"""Switching the drop-in on: by the driver's name, by the command, once, and not at all where it does not
fit.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from libvirt_migrate.nova import UnsupportedNova, options, overrides, release

pytestmark = [pytest.mark.nova, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[3]
#: How long a Python that imports Nova may take, s: a few where nothing else runs.
PATIENCE = 300
SAMPLE = ROOT / "docs" / "nova-libvirt-migrate.conf.sample"


def python(code: str, threading: bool = True, *arguments: str) -> str:
    """Runs code in a Python of its own, since what is overridden stays so."""
    environment = os.environ | {"OS_NOVA_DISABLE_EVENTLET_PATCHING": str(threading)}
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOAD = """
from nova import monkey_patch
monkey_patch.patch(backend="threading")
from nova.conf import CONF
from nova.virt import driver
CONF([], project="nova")
CONF.set_override("compute_driver", "{driver}")
loaded = driver.load_compute_driver(None)
from nova.virt.libvirt import driver as libvirt_driver, guest, migration
print(type(loaded) is libvirt_driver.LibvirtDriver, monkey_patch.is_patched())
for owner in (guest.Guest.migrate, guest.JobInfo, migration.get_updated_guest_xml):
    print(owner.__module__)
print(libvirt_driver.LibvirtDriver._live_migration_monitor.__module__)
print(guest.Guest.shutdown.__module__)
"""


@pytest.mark.parametrize("threading", [True, False], ids=["threading", "eventlet"])
def test_the_drivers_name_switches_it_on(threading: bool) -> None:
    lines = python(LOAD.format(driver="libvirt_migrate.LibvirtDriver"), threading).split("\n")
    assert lines[0] == f"True {not threading}"
    assert lines[1:5] == [
        f"libvirt_migrate.nova.{name}" for name in ("guest", "guest", "migration", "monitor")
    ]
    assert lines[5] == "nova.virt.libvirt.guest"


def test_without_the_line_nothing_is_overridden() -> None:
    lines = python(LOAD.format(driver="libvirt.LibvirtDriver")).split("\n")
    assert lines[1:5] == [f"nova.virt.libvirt.{name}" for name in ("guest", "guest", "migration", "driver")]


def test_installing_twice_is_installing_once() -> None:
    code = """
from libvirt_migrate.nova import install, originals
install()
from nova.virt.libvirt import guest
first, original = guest.JobInfo, originals.original(guest, "JobInfo")
install()
print(guest.JobInfo is first, originals.original(guest, "JobInfo") is original, original.__module__)
"""
    assert python(code).split() == ["True", "True", "nova.virt.libvirt.guest"]


@pytest.mark.parametrize("found", ["24.2.1", "35.0.0", "35.0.0.0rc1", "unknown"])
def test_an_unsupported_release_is_refused_before_anything_is_changed(
    found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nova.virt.libvirt import guest as nova_guest

    release.major.cache_clear()
    monkeypatch.setattr(release, "version", lambda: found)
    before = nova_guest.Guest.migrate
    with pytest.raises(UnsupportedNova, match=f"supports Nova 25 to 34, and this is Nova {found}"):
        overrides.install()
    release.major.cache_clear()
    assert nova_guest.Guest.migrate is before
    assert overrides.installed() == ()


def no_such_function(patch: pytest.MonkeyPatch) -> None:
    patch.delattr("nova.virt.libvirt.migration.run_tasks")


def no_such_method(patch: pytest.MonkeyPatch) -> None:
    patch.delattr("nova.virt.libvirt.driver.LibvirtDriver._live_migration_monitor")


def one_argument_more(patch: pytest.MonkeyPatch) -> None:
    def _live_migration_monitor(self, context, instance, guest, dest, post_method, recover_method,  # type: ignore[no-untyped-def]
                                block_migration, migrate_data, future, disk_paths, scale):  # fmt: skip
        """As of a Nova to come."""

    patch.setattr("nova.virt.libvirt.driver.LibvirtDriver._live_migration_monitor", _live_migration_monitor)


def another_order(patch: pytest.MonkeyPatch) -> None:
    def migrate(self, destination, destination_xml=None, migrate_uri=None, migrate_disks=None):  # type: ignore[no-untyped-def]
        """A distribution's own."""

    patch.setattr("nova.virt.libvirt.guest.Guest.migrate", migrate)


def fewer_arguments_of_what_is_called(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("nova.virt.libvirt.migration.save_stats", lambda instance, migration, info: None)


def another_monitor(patch: pytest.MonkeyPatch) -> None:
    def _live_migration(self, context, instance, dest, post_method, recover_method, block_migration,  # type: ignore[no-untyped-def]
                        migrate_data):  # fmt: skip
        self._watch_live_migration(context, instance, self._live_migration_operation)

    patch.setattr("nova.virt.libvirt.driver.LibvirtDriver._live_migration", _live_migration)


def of_another_release(patch: pytest.MonkeyPatch) -> None:
    """Half upgraded: its metadata is newer than its code, or the other way round."""
    newer = release.major() < 34
    patch.setattr(release, "major", lambda: 34 if newer else 33)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (no_such_function, "there is no nova.virt.libvirt.migration.run_tasks"),
        (no_such_method, "there is no nova.virt.libvirt.driver.LibvirtDriver._live_migration_monitor"),
        (one_argument_more, "_live_migration_monitor takes (self, context, .* scale)"),
        (another_order, "Guest.migrate takes (self, destination, destination_xml=None"),
        (fewer_arguments_of_what_is_called, "save_stats takes (instance, migration, info), and 4 arguments"),
        (another_monitor, "LibvirtDriver._live_migration does not call _live_migration_monitor"),
        (of_another_release, "_get_volume_config takes"),
    ],
)
def test_a_nova_that_was_changed_is_refused_as_a_whole(
    change: Callable[[pytest.MonkeyPatch], None], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nova.virt.libvirt import guest as nova_guest

    change(monkeypatch)
    before = nova_guest.Guest.migrate, nova_guest.JobInfo
    pattern = re.escape(named).replace(r"\.\*", ".*").replace(r"\ ", " ")
    with pytest.raises(UnsupportedNova, match=f"nothing was overridden: .*{pattern}"):
        overrides.install()
    assert (nova_guest.Guest.migrate, nova_guest.JobInfo) == before
    assert overrides.installed() == ()


def test_this_nova_fits() -> None:
    from libvirt_migrate.nova import fits

    assert fits.misfits((entry.owner, entry.name, entry.replacement) for entry in overrides.plan()) == []


def test_the_command_installs_and_runs_novas_own() -> None:
    code = """
import sys
from nova.cmd import compute
from libvirt_migrate.nova import compute as ours, overrides
compute.main = lambda: print(len(overrides.installed()), sys.argv[1:])
sys.exit(ours.main())
"""
    output = python(code, True, "--config-file", "x")
    assert output.split("\n")[0] == f"{len(overrides.plan())} ['--config-file', 'x']"


def check(tmp_path: Path, *lines: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """`check` with a configuration."""
    conf = tmp_path / "nova.conf"
    conf.write_text("\n".join(lines))
    command = [sys.executable, "-W", "ignore", "-m", "libvirt_migrate.nova", "check", "--no-connect"]
    command += ["--config-file", str(conf), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def test_the_check_of_a_good_installation(tmp_path: Path) -> None:
    done = check(tmp_path, "[DEFAULT]", "compute_driver = libvirt_migrate.LibvirtDriver")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Nova {release.version()}" in " ".join(done.stdout.split())
    assert "problem" not in done.stdout
    for override in overrides.plan():
        assert str(override) in done.stdout


def test_the_check_of_a_set_up_with_the_command(tmp_path: Path) -> None:
    done = check(tmp_path, "[DEFAULT]", options=["--wrapper"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "libvirt-migrate-nova-compute" in done.stdout
    assert "problem" not in done.stdout


def test_the_check_finds_the_command_where_it_runs(tmp_path: Path) -> None:
    command = tmp_path / "libvirt-migrate-nova-compute"
    command.write_text("import time\ntime.sleep(600)\n")
    with subprocess.Popen([sys.executable, str(command)]) as process:
        try:
            done = check(tmp_path, "[DEFAULT]")
        finally:
            process.kill()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"which runs (process {process.pid})" in done.stdout


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["[DEFAULT]"], "would run without the drop-in"),
        (
            [
                "[DEFAULT]",
                "compute_driver = libvirt_migrate.LibvirtDriver",
                "[libvirt_migrate]",
                "automatic_post_copy = true",
            ],
            "needs [libvirt]/live_migration_permit_post_copy",
        ),
    ],
)
def test_the_check_finds_a_problem(tmp_path: Path, lines: list[str], problem: str) -> None:
    done = check(tmp_path, *lines)
    assert done.returncode == 1
    assert problem in done.stdout


def test_the_sample_of_the_options_is_the_generators() -> None:
    generator = Path(sys.executable).with_name("oslo-config-generator")
    done = subprocess.run(
        [generator, "--namespace", "libvirt_migrate"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == SAMPLE.read_text().strip()


def test_an_option_that_does_not_exist_is_refused() -> None:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    options.register(conf)
    options.register(conf)
    conf([])
    assert conf.libvirt_migrate.policy == "adaptive"
    with pytest.raises(ValueError, match="Valid values are"):
        conf.set_override("policy", "none", "libvirt_migrate")
