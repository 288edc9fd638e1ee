"""A cloud: a lab of two hosts with nova-compute and a third one with all that they need.

>>> with Cloud("mine") as cloud:
...     server = cloud.create("vm1", host="host1")
...     cloud.migrate(server, "host2")

It ends with the block, and with the process at the latest, as a lab does.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any

from libvirt_migrate.lab import Host, Lab, LabError

from . import furnishing, places, settings
from .compute import Compute
from .control import PATIENCE, Control

RELEASE = "34.0.0"
DRIVER, STOCK = "libvirt_migrate.LibvirtDriver", "libvirt.LibvirtDriver"

Say = Callable[[str], None]
_NEUTRAL: Say = lambda _: None  # noqa: E731


class Cloud:
    """A cloud of one release of Nova."""

    def __init__(self, name: str = "cloud", *, release: str = RELEASE, say: Say = _NEUTRAL) -> None:
        self.name, self.release = name, release
        self._say = say
        self._started = time.monotonic()
        self._lab = Lab(name, hosts=3)
        self.folder = places.folder(name)
        self.control: Control
        #: The nova-computes, by the name of their host: host1 and host2.
        self.computes: dict[str, Compute] = {}
        self._connection: Any = None

    @classmethod
    def attach(cls, name: str = "cloud") -> Cloud:
        """The cloud of this name that `scripts/cloud up` or another process has made."""
        lab = Lab.attach(name)
        try:
            made = json.loads((places.folder(name) / "cloud.json").read_text())
        except FileNotFoundError:
            raise LabError(f"the lab {name!r} is no cloud, or not yet") from None
        cloud = cls(name, release=made["release"])
        cloud._lab = lab
        cloud._use()
        return cloud

    def _use(self) -> None:
        *hosts, control = self._lab.hosts
        self.control = Control(control, self.release, self.folder)
        self.computes = {host.name: Compute(host, control, self.release, self.folder) for host in hosts}

    @property
    def hosts(self) -> list[Host]:
        """The hosts that have a nova-compute."""
        return [compute.host for compute in self.computes.values()]

    def up(
        self,
        *,
        detached: bool = False,
        driver: str = DRIVER,
        shared: bool = False,
        options: Mapping[str, Mapping[str, object]] | None = None,
        eventlet: bool | None = None,
    ) -> None:
        """Makes it from a template; the first time there is none, which takes longer, and makes it.

        `driver` is Nova's compute_driver, `shared` one folder of instances for both hosts, and `options` are
        more settings for nova-compute, by their section. `eventlet` says in which mode nova-compute runs
        where Nova has both. A detached one outlives this process.
        """
        places.check(self.release)
        self._lab.up()
        try:
            self._make(shared=shared)
            for compute in self.computes.values():
                compute.configure(driver, options or {})
                compute.start(eventlet=eventlet)
            self.wait_for_computes()
            self._tell("nova-compute")
            (self.folder / "cloud.json").write_text(json.dumps({"release": self.release}))
            if detached:
                self._lab.detach()
        except BaseException:
            self.down()
            raise

    def _make(self, *, shared: bool) -> None:
        """All but nova-compute."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in ("conf", "log", "pid"):
            (self.folder / part).mkdir(parents=True)
        self._use()
        control = self.control
        control.configure()
        self._write_openrc()
        self._tell("lab")
        with ThreadPoolExecutor() as pool:
            ready = [pool.submit(compute.prepare, shared=shared) for compute in self.computes.values()]
            control.rabbit.start()
            control.network.start()
            made = self._database()
            # Side by side: each takes its time to load, and asks for the others only when it is asked.
            control.start_web_services()
            control.wait(control.keystone, settings.PORTS["keystone"])
            if made:
                furnishing.register(control, self.connection)
                # It has the list of services from before that.
                self._forget_connection()
            self._tell("keystone")
            control.wait(control.rabbit, 5672)
            control.start_message_services()
            self._tell("RabbitMQ")
            control.wait_for_services()
            self._tell("glance, placement, nova-api, nova-conductor")
            if made:
                furnishing.furnish(self.connection)
                self._keep()
            for done in ready:
                done.result()

    def _database(self) -> bool:
        """Starts the database from the template; where there is none makes one, and returns true."""
        control, template = self.control, places.template(self.release)
        stamp = template / "stamp.json"
        with places.holding_template(self.release):
            kept = json.loads(stamp.read_text()) if stamp.exists() else {}
            made = kept.get("contents") != furnishing.contents()
            if not made:
                control.host.run("cp", "-a", f"{template}/data/.", str(places.DATA), timeout=PATIENCE)
        if made:
            control.make_database()
        else:
            control.start_database()
            addresses = kept["address"], control.host.address
            control.sql("update keystone.endpoint set url = replace(url, %s, %s)", *addresses)
            # Those of the cloud that the template was made in; each makes its row anew.
            control.sql("delete from nova_cell1.services")
        self._tell("MariaDB with every schema" if made else "MariaDB from the template")
        return made

    def _keep(self) -> None:
        """Makes the template of what there is now."""
        control, template = self.control, places.template(self.release)
        parts = [str(places.DATA / part) for part in ("maria", "keystone", "glance")]
        stamp = {"contents": furnishing.contents(), "address": control.host.address}
        control.maria.stop(patience=60)
        with places.holding_template(self.release):
            shutil.rmtree(template, ignore_errors=True)
            (template / "data").mkdir(parents=True)
            control.host.run("cp", "-a", *parts, str(template / "data"), timeout=PATIENCE)
            # The last thing: without it, it is no template.
            (template / "stamp.json").write_text(json.dumps(stamp))
        control.start_database()
        self._tell("template")

    def wait_for_computes(self, names: list[str] | None = None) -> None:
        """Waits until Nova can put guests on these hosts, or on all."""
        wanted = set(names or self.computes)
        deadline = time.monotonic() + PATIENCE
        while not wanted <= (known := self._known()):
            for name in wanted:
                self.computes[name].service.require()
            if time.monotonic() > deadline:
                raise LabError(f"Nova does not know nova-compute of {sorted(wanted - known)}")
            time.sleep(0.3)

    def _known(self) -> set[str]:
        """The hosts that the scheduler can choose: found by Nova, offered to placement, and reporting."""
        mapped = self.control.sql("select host from nova_api.host_mappings")
        offered = self.control.sql(
            "select distinct p.name as host from placement.resource_providers p "
            "join placement.inventories i on i.resource_provider_id = p.id"
        )
        reports = self.control.sql(
            "select host, last_seen_up from nova_cell1.services where topic = 'compute' and deleted = 0"
        )
        recently = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=20)
        reporting = [
            row
            for row in reports
            if row["last_seen_up"] and row["last_seen_up"] > (self.computes[row["host"]].started or recently)
        ]
        return set.intersection(
            *({str(row["host"]) for row in rows} for rows in (mapped, offered, reporting))
        )

    @property
    def connection(self) -> Any:
        """openstacksdk's connection as the cloud's administrator."""
        if self._connection is None:
            import openstack

            self._connection = openstack.connect(
                auth_url=self.control.url("keystone", "/v3"),
                username="admin",
                password=settings.PASSWORD,
                project_name="admin",
                user_domain_name="Default",
                project_domain_name="Default",
                region_name="RegionOne",
            )
        return self._connection

    def _forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write_openrc(self) -> None:
        values = {
            "OS_AUTH_URL": self.control.url("keystone", "/v3"),
            "OS_USERNAME": "admin",
            "OS_PASSWORD": settings.PASSWORD,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_COMPUTE_API_VERSION": "2.90",
            "no_proxy": "*",
            "PATH": f"{places.VENV}/bin:$PATH",
        }
        lines = [f'export {name}="{value}"\n' for name, value in values.items()]
        (self.folder / "openrc").write_text("".join(lines))

    def _tell(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._started:6.1f} s  {what}")

    def down(self) -> None:
        """Ends it and removes all but its logs."""
        self._forget_connection()
        self._lab.down()
        shutil.rmtree(self.folder / "instances", ignore_errors=True)

    def __enter__(self) -> Cloud:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def say_on_terminal(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)
