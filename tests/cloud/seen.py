"""What is so of a guest, from every place that has a word in it, and what of that is not as it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from libvirt_migrate.lab import Host

from . import places
from .cloud import Cloud

#: libvirt's words for a guest's states that come up here.
_STATES = {1: "running", 2: "blocked", 3: "paused", 4: "shutting down", 5: "shut off", 6: "crashed"}


@dataclass(frozen=True)
class AtHost:
    """A guest as one host's libvirt daemon has it."""

    state: str
    #: The addresses at which the display listens, by the live definition and by the persistent one.
    live: tuple[str, ...]
    persistent: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """One guest at one time."""

    #: What the REST API says.
    status: str
    task: str | None
    host: str | None
    #: What the database has.
    database_host: str | None
    node: str | None
    vm_state: str | None
    #: How its newest migration ended, or how far it is.
    migration: str | None
    #: Where it is, by the name of the host.
    guest: dict[str, AtHost] = field(default_factory=dict)
    #: The hosts that have a folder of it.
    folders: tuple[str, ...] = ()
    #: The hosts that placement has something reserved at: for itself, and for its migrations.
    allocated: tuple[str, ...] = ()
    leaked: tuple[str, ...] = ()

    def problems(self, cloud: Cloud, host: str, *, status: str = "ACTIVE") -> list[str]:
        """What is not as it has to be for a guest that runs at `host` and nowhere else."""
        address = (cloud.computes[host].host.address,)
        here = self.guest.get(host)
        checks = {
            f"status {self.status}, not {status}": self.status == status,
            f"task {self.task}": self.task is None,
            f"the API says {self.host}": self.host == host,
            f"the database says {self.database_host} ({self.node})": self.database_host == self.node == host,
            f"the guest is at {self.told_guest()}": list(self.guest) == [host],
            f"it is {here.state if here else 'not there'}": here is not None and here.state == "running",
            f"live definition of {here.live if here else None}": here is not None and here.live == address,
            f"persistent definition of {here.persistent if here else None}": here is not None
            and here.persistent == address,
            f"folders at {self.folders}": self.folders == (host,),
            f"placement has it at {self.allocated}": self.allocated == (host,),
            f"placement has migrations of it at {self.leaked}": not self.leaked,
        }
        return [problem for problem, right in checks.items() if not right]

    def told_guest(self) -> str:
        """Where it is, for people."""
        found = [f"{at.state} at {host}" for host, at in sorted(self.guest.items())]
        return ", ".join(found) or "nowhere"

    def told_database(self) -> str:
        """What is in the database, for people."""
        return f"{self.database_host}, {self.vm_state}" + (f", {self.task}" if self.task else "")


def look(cloud: Cloud, identity: str) -> Seen:
    """Looks at a guest now, by its uuid."""
    server = cloud.connection.compute.get(f"/servers/{identity}", microversion="2.90").json()["server"]
    rows = cloud.control.sql(
        "select host, node, vm_state, task_state from nova_cell1.instances where uuid = %s", identity
    )
    row = rows[0] if rows else {}
    migrations = migrations_of(cloud, identity)
    providers = {
        row["uuid"]: row["name"]
        for row in cloud.control.sql("select uuid, name from placement.resource_providers")
    }
    allocated = _allocated(cloud, providers, [identity])
    leaked = _allocated(cloud, providers, [str(migration["uuid"]) for migration in migrations])
    found = {host.name: at for host in cloud.hosts if (at := _at_host(host, identity))}
    return Seen(
        status=server["status"],
        task=row.get("task_state"),
        host=server["OS-EXT-SRV-ATTR:host"],
        database_host=row.get("host"),
        node=row.get("node"),
        vm_state=row.get("vm_state"),
        migration=str(migrations[-1]["status"]) if migrations else None,
        guest=found,
        folders=tuple(host.name for host in cloud.hosts if _has_folder(cloud, host, identity, set(found))),
        allocated=allocated,
        leaked=leaked,
    )


def migrations_of(cloud: Cloud, identity: str) -> list[dict[str, Any]]:
    """Its migrations, oldest first, as the database has them."""
    return cloud.control.sql(
        "select id, uuid, status, source_compute, dest_compute, memory_total, memory_remaining "
        "from nova_cell1.migrations where instance_uuid = %s order by id",
        identity,
    )


def _allocated(cloud: Cloud, providers: dict[str, str], consumers: list[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for consumer in consumers:
        answer = cloud.connection.placement.get(f"/allocations/{consumer}", microversion="1.30")
        found |= {providers[uuid] for uuid in answer.json()["allocations"]}
    return tuple(sorted(found))


def _at_host(host: Host, identity: str) -> AtHost | None:
    # Not by look-up, whose failure libvirt-python would write to standard error.
    for domain in host.connection().listAllDomains():
        if domain.UUIDString() == identity:
            state = _STATES.get(domain.state()[0], str(domain.state()[0]))
            persistent = _listening(domain.XMLDesc(2)) if domain.isPersistent() else ("none",)
            return AtHost(state, _listening(domain.XMLDesc(0)), persistent)
    return None


def _listening(xml: str) -> tuple[str, ...]:
    return tuple(sorted(set(re.findall(r"<listen type='address' address='([^']*)'", xml))))


def _has_folder(cloud: Cloud, host: Host, identity: str, running: set[str]) -> bool:
    ask = 'cd "$1" && { [ -e .shared ] && echo shared; [ -d "$2" ] && echo there; true; }'
    words = host.run("sh", "-c", ask, "sh", str(places.INSTANCES), identity).split()
    # A shared one is where the guest is.
    return "there" in words and ("shared" not in words or host.name in running)
