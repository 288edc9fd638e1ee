"""The state of an installation: Nova, libvirt, the overrides and the options, and what is wrong with them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libvirt_migrate

from . import overrides, release
from .threads import uses_eventlet

#: The value of `compute_driver` that switches the drop-in on.
DRIVER = "libvirt_migrate.LibvirtDriver"
#: The command that switches it on otherwise.
WRAPPER = "libvirt-migrate-nova-compute"
#: Where services say what they start; Debian's init scripts, which its units run, read /etc/default.
UNITS = (
    *("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/etc/init.d"),
    *("/etc/default", "/etc/sysconfig"),
)


@dataclass
class Report:
    """What was found, in order, and what is wrong."""

    facts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Adds a line."""
        self.facts.append((name, str(value)))

    def __str__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [f"{name:{width}}  {value}" for name, value in self.facts]
        return "\n".join(lines + [f"problem: {problem}" for problem in self.problems])


def check(config_files: list[str], *, connect: bool = True, wrapper: bool = False) -> Report:
    """Looks at this environment, with Nova's configuration from these files. Never raises for what it
    finds. `wrapper` says that nova-compute is started by the command.
    """
    report = Report()
    report.add("libvirt-migrate", f"{libvirt_migrate.__version__} in {Path(libvirt_migrate.__file__).parent}")
    conf = _nova(report, config_files)
    if conf is not None:
        _overrides(report)
        _way_in(report, conf, wrapper)
        if overrides.installed():
            _options(report, conf)
    _libvirt(report, conf if connect else None)
    return report


def _nova(report: Report, config_files: list[str]) -> Any:
    """Nova's configuration, where its release is supported."""
    try:
        report.add("Nova", release.version())
        release.major()
    except release.UnsupportedNova as error:
        report.problems.append(str(error))
        return None
    # As nova-compute does it, whose threading mode its own configuration and environment say.
    arguments = [argument for name in config_files for argument in ("--config-file", name)]
    sys.argv = [sys.argv[0], *arguments]
    import nova.cmd.compute as nova_compute
    from nova.conf import CONF

    report.add("Nova's place", Path(nova_compute.__file__).parents[1])
    report.add("threading mode", "eventlet" if uses_eventlet() else "threading")
    CONF(arguments, project="nova")
    return CONF


def _overrides(report: Report) -> None:
    try:
        overrides.install()
    except release.UnsupportedNova as error:
        report.problems.append(str(error))
    for name in overrides.installed():
        report.add("overridden", name)


def _way_in(report: Report, conf: Any, wrapper: bool) -> None:
    """The driver's name, or the command in nova-compute's place: one of them has to be there."""
    beside = importlib.util.find_spec("nova.virt.libvirt_migrate") is not None
    report.add("compute_driver", conf.compute_driver)
    started = WRAPPER if wrapper else _started()
    if conf.compute_driver == DRIVER and beside:
        report.add("switched on by", "compute_driver")
    elif conf.compute_driver == DRIVER:
        report.problems.append(
            f"compute_driver = {DRIVER} needs libvirt-migrate in Nova's own site-packages; "
            f"start {WRAPPER}, with compute_driver = libvirt.LibvirtDriver, instead"
        )
    elif started:
        report.add("switched on by", started)
    else:
        how = f"set compute_driver = {DRIVER}" if beside else f"start {WRAPPER} in nova-compute's place"
        report.problems.append(
            f"nova-compute would run without the drop-in: {how} (--wrapper says that {WRAPPER} is what is "
            "started, where no process and no unit file shows it)"
        )


def _started() -> str | None:
    """The process or the file that shows that the command is what is started, if any does."""
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = cmdline.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(Path(word).name == WRAPPER for word in words[:2]):
            return f"{WRAPPER}, which runs (process {cmdline.parent.name})"
    for path in (path for folder in UNITS for path in Path(folder).glob("**/*nova*") if path.is_file()):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if any(WRAPPER in line for line in text.splitlines() if not line.lstrip().startswith("#")):
            return f"{WRAPPER}, which {path} starts"
    return None


def _options(report: Report, conf: Any) -> None:
    for name in ("policy", "automatic_post_copy"):
        report.add(f"[libvirt_migrate] {name}", getattr(conf.libvirt_migrate, name))
    from .fits import OPTIONS

    for name in OPTIONS:
        report.add(f"[libvirt] {name}", getattr(conf.libvirt, name))
    if conf.libvirt_migrate.automatic_post_copy and not conf.libvirt.live_migration_permit_post_copy:
        report.problems.append(
            "[libvirt_migrate]/automatic_post_copy needs [libvirt]/live_migration_permit_post_copy = true"
        )
    if port := conf.libvirt_migrate.metrics_port:
        report.add("metrics", f"{conf.libvirt_migrate.metrics_address}, port {port}")
        if importlib.util.find_spec("prometheus_client") is None:
            report.problems.append(
                "[libvirt_migrate]/metrics_port needs prometheus-client in Nova's environment"
            )


def _libvirt(report: Report, conf: Any) -> None:
    try:
        import libvirt
    except ImportError:
        report.problems.append("libvirt-python is not installed in this Python environment")
        return
    report.add("libvirt", _dotted(libvirt.getVersion()))
    if conf is None:
        return
    uri = conf.libvirt.connection_uri or "qemu:///system"
    # It would print every error by itself as well.
    libvirt.registerErrorHandler(lambda context, error: None, None)
    try:
        connection = libvirt.openReadOnly(uri)
        report.add("libvirt daemon", f"{_dotted(connection.getLibVersion())} at {uri}")
        report.add(connection.getType(), _dotted(connection.getVersion()))
        connection.close()
    except libvirt.libvirtError as error:
        report.problems.append(f"{uri} cannot be reached: {error}")


def _dotted(version: int) -> str:
    """libvirt's form of a version, in the usual form."""
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
