"""Settings of every service. Names of hosts stand in for addresses, so that a template fits any network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libvirt_migrate.lab import Host

from . import places

#: The lab is for this machine's users only, and its libvirt daemons ask nobody for anything either.
PASSWORD = "cloud"  # noqa: S105
DATABASES = ("keystone", "glance", "placement", "nova_api", "nova_cell0", "nova_cell1")
PORTS = {"keystone": 5000, "glance": 9292, "placement": 8778, "nova": 8774, "neutron": 9696}
#: Of nova-compute: each may need privileges, and asks for them without sudo.
_PRIVILEGED = (
    "nova_sys_admin",
    "vif_plug_linux_bridge_privileged",
    "vif_plug_ovs_privileged",
    "privsep_osbrick",
)

Sections = dict[str, dict[str, object]]


def write(path: Path, sections: Mapping[str, Mapping[str, object]]) -> None:
    """Writes a file of settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in options.items()), ""]
    path.write_text("\n".join(lines))


def merged(*parts: Mapping[str, Mapping[str, object]]) -> Sections:
    """Settings with those of later parts in place of earlier ones."""
    found: Sections = {}
    for part in parts:
        for section, options in part.items():
            found.setdefault(section, {}).update(options)
    return found


def database(control: str, name: str) -> str:
    """The address of a database."""
    return f"mysql+pymysql://cloud:{PASSWORD}@{control}/{name}?charset=utf8"


def _account(control: str, user: str) -> dict[str, object]:
    return {
        "auth_type": "password",
        "auth_url": f"http://{control}:{PORTS['keystone']}/v3",
        "username": user,
        "password": PASSWORD,
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "region_name": "RegionOne",
    }


def _asking_keystone(control: str, user: str) -> Sections:
    public = {"www_authenticate_uri": f"http://{control}:{PORTS['keystone']}", "token_cache_time": 3600}
    return {"keystone_authtoken": _account(control, user) | public}


def keystone(control: str, log: Path) -> Sections:
    """keystone.conf."""
    keys = places.DATA / "keystone"
    return {
        "DEFAULT": {"log_file": log / "keystone.log"},
        "database": {"connection": database(control, "keystone")},
        "token": {"provider": "fernet", "expiration": 86400},
        "fernet_tokens": {"key_repository": keys / "fernet"},
        "credential": {"key_repository": keys / "credential"},
    }


def glance(control: str, log: Path) -> Sections:
    """glance-api.conf."""
    files = places.DATA / "glance"
    return merged(
        {
            "DEFAULT": {
                "log_file": log / "glance.log",
                "enabled_backends": "files:file",
                "worker_self_reference_url": f"http://{control}:{PORTS['glance']}",
            },
            "database": {"connection": database(control, "glance")},
            "glance_store": {"default_backend": "files"},
            "files": {"filesystem_store_datadir": files / "images"},
            "os_glance_staging_store": {"filesystem_store_datadir": files / "staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": files / "tasks"},
            "paste_deploy": {
                "flavor": "keystone",
                "config_file": places.VENV / "etc" / "glance" / "glance-api-paste.ini",
            },
            "oslo_limit": {"endpoint_id": "none"},
        },
        _asking_keystone(control, "glance"),
    )


def placement(control: str, log: Path) -> Sections:
    """placement.conf."""
    return merged(
        {
            "DEFAULT": {"log_file": log / "placement.log"},
            "placement_database": {"connection": database(control, "placement")},
            "api": {"auth_strategy": "keystone"},
        },
        _asking_keystone(control, "placement"),
    )


def _nova(control: str, address: str, release: str) -> Sections:
    return merged(
        {
            "DEFAULT": {
                "transport_url": f"rabbit://guest:guest@{control}:5672/",
                "api_paste_config": places.nova(release) / "etc" / "nova" / "api-paste.ini",
                "state_path": places.STATE,
                "my_ip": address,
                "rpc_response_timeout": 60,
                # Otherwise by chance up to a minute, until a new nova-compute is found.
                "periodic_fuzzy_delay": 0,
            },
            "api": {"auth_strategy": "keystone"},
            "glance": {"api_servers": f"http://{control}:{PORTS['glance']}"},
            "oslo_concurrency": {"lock_path": places.STATE / "lock"},
            "conductor": {"workers": 1},
            # A new nova-compute can be used as soon as it is found.
            "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 3},
            "cinder": {"os_region_name": "RegionOne"},
            "quota": {"driver": "nova.quota.NoopQuotaDriver"},
            "neutron": _account(control, "neutron"),
            "placement": _account(control, "placement"),
            "service_user": {"send_service_user_token": "true", **_account(control, "nova")},
        },
        _asking_keystone(control, "nova"),
    )


def nova(control: Host, release: str, log: Path, address: str) -> Sections:
    """nova.conf of the API, the conductor and the scheduler."""
    more: Sections = {
        "DEFAULT": {"log_dir": log, "osapi_compute_listen": address, "osapi_compute_workers": 1},
        "api_database": {"connection": database(control.name, "nova_api")},
        "database": {"connection": database(control.name, "nova_cell1")},
    }
    return merged(_nova(control.name, address, release), more)


def compute(control: Host, host: Host, release: str, folder: Path, driver: str) -> Sections:
    """nova.conf of a host's nova-compute."""
    file = folder / "conf" / host.name / "nova.conf"
    helper = f"{places.nova(release)}/bin/privsep-helper --config-file {file}"
    more: Sections = {
        "DEFAULT": {
            "host": host.name,
            "compute_driver": driver,
            "log_file": folder / "log" / f"nova-compute-{host.name}.log",
        },
        "vnc": {
            "enabled": "true",
            "server_listen": host.address,
            "server_proxyclient_address": host.address,
        },
        "libvirt": {
            "virt_type": "qemu",
            "live_migration_scheme": "tcp",
            "live_migration_inbound_addr": host.address,
        },
        **{section: {"helper_command": helper} for section in _PRIVILEGED},
    }
    return merged(_nova(control.name, host.address, release), more)
