"""The control host: MariaDB, RabbitMQ, keystone, glance, placement, and Nova but for nova-compute."""

from __future__ import annotations

import json
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from libvirt_migrate.lab import Host, LabError

from . import places, settings
from .services import Service

#: How long anything may take to come up on a machine that does much else, in seconds.
PATIENCE = 300.0
_HERE = Path(__file__).parent
#: Only these last; what is told of a cloud that is thrown away need not reach a disk.
_MARIADB = (
    *("mariadbd", "--no-defaults", "--user=root", f"--datadir={places.DATA}/maria", "--bind-address=0.0.0.0"),
    *("--skip-name-resolve", "--max-connections=400", "--performance-schema=0", "--innodb-doublewrite=0"),
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-log-file-size=16M"),
    *(f"--socket={places.DATA}/maria.sock", f"--pid-file={places.DATA}/maria.pid"),
)


class Control:
    """What runs in the control host."""

    def __init__(self, host: Host, release: str, folder: Path) -> None:
        self.host, self.release, self.folder = host, release, folder
        self._conf, self._log = folder / "conf", folder / "log"
        nova = ("--config-file", str(self._conf / "nova" / "nova.conf"))
        programs = places.nova(release) / "bin"
        self.rabbit = self._service("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], _rabbit(folder))
        self.maria = self._service("mariadb", list(_MARIADB))
        self.keystone = self._wsgi("keystone", "keystone.wsgi.api", "OS_KEYSTONE_CONFIG_DIR")
        self.glance = self._wsgi("glance", "glance.wsgi.api", "OS_GLANCE_CONFIG_DIR")
        self.placement = self._wsgi("placement", "placement.wsgi.api", "OS_PLACEMENT_CONFIG_DIR")
        self.api = self._nova_api()
        stub = [str(places.VENV / "bin" / "python"), str(_HERE / "network_stub.py"), host.address]
        self.network = self._service("network-stub", [*stub, str(settings.PORTS["neutron"])])
        self.conductor = self._service("nova-conductor", [str(programs / "nova-conductor"), *nova])
        self.scheduler = self._service("nova-scheduler", [str(programs / "nova-scheduler"), *nova])

    def _service(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> Service:
        return Service(name, self.host, self.folder, command, environment)

    def _wsgi(self, name: str, module: str, variable: str, venv: Path = places.VENV) -> Service:
        port = settings.PORTS["nova" if name == "nova-api" else name]
        command = [
            *(str(venv / "bin" / "gunicorn"), "-c", str(_HERE / "gunicorn_settings.py")),
            *("-b", f"0.0.0.0:{port}", f"{module}:application"),
        ]
        conf = self._conf / ("nova" if name == "nova-api" else name)
        return self._service(name, command, {variable: str(conf)})

    def _nova_api(self) -> Service:
        program = places.nova(self.release) / "bin" / "nova-api-os-compute"
        if program.exists():
            # Older ones serve it by themselves; under gunicorn's threads, those with eventlet do not answer.
            return self._service(
                "nova-api", [str(program), "--config-file", str(self._conf / "nova" / "nova.conf")]
            )
        return self._wsgi(
            "nova-api", "nova.wsgi.osapi_compute", "OS_NOVA_CONFIG_DIR", places.nova(self.release)
        )

    def configure(self) -> None:
        """Writes all settings, and shows the host MariaDB and RabbitMQ in its /usr."""
        name, log = self.host.name, self._log
        settings.write(self._conf / "keystone" / "keystone.conf", settings.keystone(name, log))
        settings.write(self._conf / "glance" / "glance-api.conf", settings.glance(name, log))
        settings.write(self._conf / "placement" / "placement.conf", settings.placement(name, log))
        nova = settings.nova(self.host, self.release, log, self.host.address)
        settings.write(self._conf / "nova" / "nova.conf", nova)
        paste = places.nova(self.release) / "etc" / "nova" / "api-paste.ini"
        shutil.copy(paste, self._conf / "nova")
        (self._conf / "rabbitmq.conf").write_text("loopback_users = none\nlisteners.tcp.1 = 0.0.0.0:5672\n")
        (self._conf / "rabbitmq.plugins").write_text("")
        layers = f"lowerdir={places.PACKAGES}/usr:/usr"
        self.host.run("mount", "-t", "overlay", "lab", "-o", layers, "/usr")
        self.host.run(
            "mkdir", "-p", *(str(places.DATA / part) for part in _FOLDERS), str(places.STATE / "lock")
        )

    def start_database(self) -> None:
        """Starts MariaDB with what it has, and returns once it can be called."""
        self.maria.start()
        self.wait(self.maria, 3306)

    def make_database(self) -> None:
        """An empty database and keystone's keys, and every schema."""
        self.host.run(
            *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={places.DATA}/maria"),
            *("--skip-test-db", "--auth-root-authentication-method=normal"),
            timeout=PATIENCE,
        )
        self.start_database()
        made = "".join(f"create database {name} character set utf8; " for name in settings.DATABASES)
        account = f"create user cloud identified by '{settings.PASSWORD}'; grant all on *.* to cloud; "
        socket_file = f"--socket={places.DATA}/maria.sock"
        self.host.run("mariadb", "--no-defaults", "-uroot", socket_file, "-e", account + made)
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(self._identity_schemas), pool.submit(self._nova_schemas)]:
                done.result()

    def _identity_schemas(self) -> None:
        own = ("--keystone-user", "root", "--keystone-group", "root")
        url = self.url("keystone", "/v3")
        urls = (word for kind in ("admin", "internal", "public") for word in (f"--bootstrap-{kind}-url", url))
        first = ("--bootstrap-password", settings.PASSWORD, "--bootstrap-region-id", "RegionOne")
        self._manage(
            places.VENV,
            "keystone.cmd.manage",
            ["--config-dir", str(self._conf / "keystone")],
            ("fernet_setup", *own),
            ("credential_setup", *own),
            ("db_sync",),
            ("bootstrap", *first, *urls),
        )
        for name, words in ("glance", ("db_sync",)), ("placement", ("db", "sync")):
            options = ["--config-dir", str(self._conf / name)]
            self._manage(places.VENV, f"{name}.cmd.manage", options, words)

    def _nova_schemas(self) -> None:
        self._manage(
            places.nova(self.release),
            "nova.cmd.manage",
            ["--config-file", str(self._conf / "nova" / "nova.conf")],
            ("api_db", "sync"),
            (
                *("cell_v2", "map_cell0", "--database_connection"),
                settings.database(self.host.name, "nova_cell0"),
            ),
            ("db", "sync"),
            ("cell_v2", "create_cell", "--name", "cell1"),
        )

    def _manage(self, venv: Path, module: str, options: list[str], *commands: tuple[str, ...]) -> None:
        """Commands of one program, one after the other."""
        words = json.dumps([[*options, *command] for command in commands])
        program = [str(venv / "bin" / "python"), str(_HERE / "manage.py")]
        self.host.run(*program, module, words, timeout=PATIENCE)

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What the database answers, with the values in the place of each %s."""
        import pymysql

        with (
            pymysql.connect(
                host=self.host.address,
                user="cloud",
                password=settings.PASSWORD,
                autocommit=True,
                cursorclass=pymysql.cursors.DictCursor,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def url(self, service: str, path: str = "") -> str:
        """A service's address, for this machine as well."""
        return f"http://{self.host.address}:{settings.PORTS[service]}{path}"

    def start_web_services(self) -> None:
        """Starts what is asked by HTTP."""
        for service in (self.keystone, self.glance, self.placement, self.api):
            service.start()

    def start_message_services(self) -> None:
        """Starts what is asked over RabbitMQ, which has to be there."""
        for service in (self.conductor, self.scheduler):
            service.start()

    def wait_for_services(self) -> None:
        """Returns once each can be called."""
        for name, service in {"placement": self.placement, "glance": self.glance, "nova": self.api}.items():
            self.wait(service, settings.PORTS[name])
        # A nova-compute that asks too early waits ten seconds until it asks again.
        deadline = time.monotonic() + PATIENCE
        asked = "select last_seen_up from nova_cell1.services where topic = 'conductor'"
        while not self.sql(asked):
            self.conductor.require()
            if time.monotonic() > deadline:
                raise LabError(f"nova-conductor is not up ({self.conductor.log})")
            time.sleep(0.2)

    def wait(self, service: Service, port: int) -> None:
        """Waits until a service's port is open. Raises LabError where it ends before that."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((self.host.address, port), timeout=5).close()
                return
            except OSError as error:
                if service.pid() is not None:
                    service.require()
                if time.monotonic() > deadline:
                    raise LabError(f"{service.name} does not listen: {error} ({service.log})") from None
                time.sleep(0.1)


_FOLDERS = ("rabbit", "maria", "keystone", "glance/images", "glance/staging", "glance/tasks")


def _rabbit(folder: Path) -> dict[str, str]:
    conf, data = folder / "conf", places.DATA / "rabbit"
    return {
        "HOME": str(data),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "cloud@localhost",
        "RABBITMQ_CONFIG_FILE": str(conf / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(conf / "rabbitmq.plugins"),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log" / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        # One scheduler thread: it has little to do.
        "RABBITMQ_SERVER_START_ARGS": "+S 1:1",
    }
