"""A host with nova-compute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from libvirt_migrate.lab import Host, tools

from . import places, settings
from .services import Service

_SOURCE = Path(__file__).parent / "shared_folder.c"


class Compute:
    """nova-compute on one of the lab's hosts."""

    def __init__(self, host: Host, control: Host, release: str, folder: Path) -> None:
        self.host, self._control, self._release, self._folder = host, control, release, folder
        program = places.nova(release) / "bin" / "nova-compute"
        #: When this object started it; what it has reported before that counts for nothing.
        self.started: datetime | None = None
        command = [str(program), "--config-file", str(self.settings)]
        self.service = Service(f"nova-compute-{host.name}", host, folder, command)

    @property
    def settings(self) -> Path:
        """Its nova.conf."""
        return self._folder / "conf" / self.host.name / "nova.conf"

    @property
    def log(self) -> Path:
        """What nova-compute logs."""
        return self._folder / "log" / f"nova-compute-{self.host.name}.log"

    def prepare(self, *, shared: bool) -> None:
        """Makes the host's folders, and has its daemon know shared ones."""
        library = self._folder / f"shared-folder-{self.host.name}.so"
        folder = f'-DFOLDER="{places.INSTANCES}"'
        tools.run(["gcc", "-shared", "-fPIC", folder, "-o", str(library), str(_SOURCE), "-ldl"])
        self.host.run("mkdir", "-p", str(places.INSTANCES), str(places.STATE / "lock"))
        self.host.run("sh", "-c", 'echo "$1" > /etc/ld.so.preload', "sh", str(library))
        self.host.stop_daemon()
        self.host.start_daemon()
        if shared:
            self.share()

    def share(self) -> None:
        """Puts the folder that both hosts have over the one with instances."""
        instances = self._folder / "instances"
        instances.mkdir(exist_ok=True)
        (instances / ".shared").touch()
        self.host.run("mount", "--bind", str(instances), str(places.INSTANCES))

    def unshare(self) -> None:
        """Takes it away again."""
        self.host.run("umount", str(places.INSTANCES))

    def configure(self, driver: str, options: Mapping[str, Mapping[str, object]]) -> None:
        """Writes its settings; they hold from its next start."""
        own = settings.compute(self._control, self.host, self._release, self._folder, driver)
        settings.write(self.settings, settings.merged(own, options))

    def start(self, *, eventlet: bool | None = None) -> None:
        """Starts nova-compute; `eventlet` says in which mode, where Nova has both."""
        environment = {}
        if eventlet is not None:
            environment["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "false" if eventlet else "true"
        self.service = Service(self.service.name, self.host, self._folder, self.service.command, environment)
        self.service.start()
        self.started = datetime.now(timezone.utc).replace(tzinfo=None)

    def stop(self) -> None:
        """Ends nova-compute as systemd would."""
        self.service.stop(patience=90)

    def kill(self) -> None:
        """Ends nova-compute without asking."""
        self.service.kill()
